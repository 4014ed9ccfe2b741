/** RFC 7252, section 3. */
export const messageTypes = ['confirmable', 'non-confirmable', 'acknowledgement', 'reset'] as const
export type MessageType = (typeof messageTypes)[number]

export interface CoapOption {
  /** 0 to 65,535. */
  readonly number: number
  readonly value: Uint8Array
}

/** A request or a response, whatever carries it: what UDP, TCP and WebSocket have in common. */
export interface CoapBody {
  /** `class << 5 | detail`. */
  readonly code: number
  /** 0 to 8 bytes. */
  readonly token: Uint8Array
  /** By ascending number; options of one number in the order that the sender gave. */
  readonly options: readonly CoapOption[]
  readonly payload: Uint8Array
}

/** A message over UDP (RFC 7252, section 3). */
export interface CoapMessage extends CoapBody {
  readonly type: MessageType
  /** 0 to 65,535. */
  readonly messageId: number
}

/** RFC 7252, section 3: more is a message format error. */
export const tokenBytesMax = 8
export const noBytes: Uint8Array = new Uint8Array(0)
