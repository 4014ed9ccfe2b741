/** What a publisher says. The payload tells messages apart. */
export interface Said {
  readonly topic: string
  readonly payload: Uint8Array
  readonly contentType: string
  readonly expiresInSeconds: number
}

/** What a message carries beside its payload, by the names of the tables in `docs/protocol/`. */
export const facts = ['topic', 'contentType', 'expiresInSeconds', 'publisher', 'id'] as const
export type Fact = (typeof facts)[number]

/** A message as a receiver was told it: what it was not told is not there. */
export interface Heard {
  readonly payload: Uint8Array
  readonly topic?: string | undefined
  readonly contentType?: string | undefined
  readonly expiresInSeconds?: number | undefined
  readonly publisher?: string | undefined
  readonly id?: string | undefined
}

export interface Client {
  readonly heard: readonly Heard[]
  /** What it is told beside messages of what it listens to, and of its connection, in the protocol's own words. */
  readonly told: readonly string[]
  /** At least once. Settles with the ack where there is one, and gives the id where that has it. */
  publish(said: Said): Promise<string | undefined>
  /** Everything that is published to the channel from now on. False where that is refused. */
  listen(channel: string): Promise<boolean>
  close(): unknown
}

export interface Who {
  readonly thing: string
  readonly key: string
}

/** One way in and out. */
export interface Door {
  readonly name: string
  /** As messages name it. */
  readonly protocol: string
  /** What its publishers can say beside topic and payload. */
  readonly says: readonly ('contentType' | 'expiresInSeconds')[]
  /** What says that it is in the log: nothing, an ack, or an ack with the id. */
  readonly acks: 'nothing' | 'ack' | 'id'
  /** What its receivers are told. */
  readonly tells: readonly Fact[]
  open(who: Who): Promise<Client>
}
