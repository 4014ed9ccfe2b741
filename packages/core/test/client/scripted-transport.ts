import {
  type ClientMessage,
  type Connection,
  type OutgoingDraft,
  type Published,
  type ReceivedMessage,
  readHistory,
  type SubscribeRequest,
  type Transport,
} from '../../src/client/index.ts'
import { ThingmeshError } from '../../src/errors/index.ts'

export interface SentDraft {
  readonly draft: OutgoingDraft
  readonly text: string
  acknowledge(published?: Published): void
  refuse(error: ThingmeshError): void
}

/** A hub's end that does what the test says: every connection, publish and subscription is the test's to decide. */
export interface ScriptedTransport extends Transport {
  readonly sent: readonly SentDraft[]
  readonly subscribed: SubscribeRequest[]
  readonly unsubscribed: string[]
  opened: number
  /** How often a connection was asked whether it lives. */
  checked: number
  /** What the next attempts are answered with; `undefined` lets in. */
  answer: (attempt: number) => ThingmeshError | undefined
  /** What subscribing is answered with. */
  confirm: (request: SubscribeRequest) => Promise<void>
  /** What is read of the hub: its log, and its last values. */
  log: readonly ReceivedMessage[]
  lastValues: readonly ClientMessage[]
  /** Breaks the connection that there is. */
  cut(error?: ThingmeshError): void
}

export function scriptedTransport({ inFlightMax = 8 } = {}): ScriptedTransport {
  const sent: SentDraft[] = []
  const subscribed: SubscribeRequest[] = []
  const unsubscribed: string[] = []
  let end: ((error: ThingmeshError) => void) | undefined
  const transport: ScriptedTransport = {
    sent,
    subscribed,
    unsubscribed,
    opened: 0,
    checked: 0,
    answer: () => undefined,
    confirm: async () => undefined,
    log: [],
    lastValues: [],
    cut(error = new ThingmeshError('unavailable', 'cut', { outcome: 'unknown' })) {
      end?.(error)
    },
    async open(signal) {
      const refusal = transport.answer(transport.opened++)
      if (refusal !== undefined) throw refusal
      const rejects = new Set<(error: ThingmeshError) => void>()
      const closed = new Promise<ThingmeshError>(resolve => {
        end = error => {
          for (const reject of rejects)
            reject(new ThingmeshError('unavailable', 'cut', { cause: error, outcome: 'unknown' }))
          resolve(error)
        }
      })
      if (signal.aborted) throw new ThingmeshError('canceled', 'aborted')
      const connection: Connection = {
        inFlightMax,
        closed,
        publish: draft =>
          new Promise((resolve, reject) => {
            rejects.add(reject)
            const text = new TextDecoder().decode(draft.payload)
            sent.push({ draft, text, acknowledge: (published = {}) => resolve(published), refuse: reject })
          }),
        async subscribe(request) {
          subscribed.push(request)
          await transport.confirm(request)
          return { resumed: request.again }
        },
        unsubscribe: async filter => void unsubscribed.push(filter),
        history: readHistory,
        read: async () => ({ messages: transport.log, next: undefined, complete: true }),
        latest: async () => transport.lastValues,
        check: () => void transport.checked++,
        close: async () => end?.(new ThingmeshError('canceled', 'closed here')),
      }
      return connection
    },
  }
  return transport
}

export const offline = (): ThingmeshError => new ThingmeshError('unavailable', 'no hub', { outcome: 'not-sent' })

/** Settles when the condition holds. Fails by the test's own time limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}
