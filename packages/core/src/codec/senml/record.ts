/**
 * A record of a pack (RFC 8428, section 4), under the labels of its JSON form. What begins with `b` holds for this record and all after it, until another
 * record sets it anew.
 */
export interface SenmlRecord {
  /** Goes in front of every name. */
  readonly bn?: string | undefined
  /** Seconds; added to every time. */
  readonly bt?: number | undefined
  readonly bu?: string | undefined
  /** Added to every number. */
  readonly bv?: number | undefined
  /** Added to every sum. */
  readonly bs?: number | undefined
  readonly bver?: number | undefined
  readonly n?: string | undefined
  readonly u?: string | undefined
  /** One of the four, or none where there is a sum. */
  readonly v?: number | undefined
  readonly vs?: string | undefined
  readonly vb?: boolean | undefined
  readonly vd?: Uint8Array | undefined
  /** The integral of the values over time. */
  readonly s?: number | undefined
  /** Seconds: since 1970 from 2^28 up, from now below it. */
  readonly t?: number | undefined
  /** Seconds within which the next value is to be expected. */
  readonly ut?: number | undefined
}

/** A pack as it is sent: at least one record. */
export type SenmlPack = readonly SenmlRecord[]

type Kind = 'text' | 'number' | 'boolean' | 'bytes'

/** What each label stands for, and its number in CBOR (RFC 8428, section 4.3). */
export const fields: Readonly<Record<keyof SenmlRecord, { readonly kind: Kind; readonly label: number }>> = {
  bver: { kind: 'number', label: -1 },
  bn: { kind: 'text', label: -2 },
  bt: { kind: 'number', label: -3 },
  bu: { kind: 'text', label: -4 },
  bv: { kind: 'number', label: -5 },
  bs: { kind: 'number', label: -6 },
  n: { kind: 'text', label: 0 },
  u: { kind: 'text', label: 1 },
  v: { kind: 'number', label: 2 },
  vs: { kind: 'text', label: 3 },
  vb: { kind: 'boolean', label: 4 },
  s: { kind: 'number', label: 5 },
  t: { kind: 'number', label: 6 },
  ut: { kind: 'number', label: 7 },
  vd: { kind: 'bytes', label: 8 },
}

export const labels = Object.keys(fields) as readonly (keyof SenmlRecord)[]
