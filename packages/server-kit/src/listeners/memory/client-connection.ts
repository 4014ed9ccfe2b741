import {
  type ClientMessage,
  type Connection,
  type Message,
  messageId,
  type OutgoingDraft,
  type Published,
  type ReadOptions,
  type ReceivedMessage,
  type ReceivedPage,
  readHistory,
  type Subscribed,
  type SubscribeRequest,
  ThingmeshError,
  toClientMessage,
} from '@thingmesh/core'
import type { DeliveryTerms, Hello, Ingress, Outlet, ReadRequest, Session } from '../../contracts/index.ts'
import type { TransportState } from './transport-state.ts'

type Terms = Pick<Hello, 'credential' | 'expiresInSeconds' | 'windowMax'>

/** What a client publishes is numbered as it is called, so order needs no bound; memory does. */
const inFlightMax = 256

/** Core's client and a session of the hub, in one process: no bytes in between, and nothing that could break but the hub. */
export class ClientConnection implements Connection {
  readonly inFlightMax = inFlightMax
  readonly history = readHistory
  readonly closed: Promise<ThingmeshError>
  readonly #state: TransportState
  #session!: Session
  #resolveClosed!: (reason: ThingmeshError) => void
  #ended = false

  private constructor(state: TransportState) {
    this.#state = state
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve
    })
  }

  static async open(ingress: Ingress, state: TransportState, terms: Terms): Promise<ClientConnection> {
    const connection = new ClientConnection(state)
    connection.#session = await ingress.open({
      ...terms,
      protocol: 'memory',
      peer: { address: 'memory' },
      clientId: state.clientId,
      outlet: connection.#outlet,
    })
    // Without a session nothing comes again.
    if (!connection.#session.resumed) state.untaken.clear()
    connection.#session.resume()
    return connection
  }

  async publish(draft: OutgoingDraft): Promise<Published> {
    const receipt = this.#live().publish(draft)
    if (receipt === undefined) return {}
    await receipt.committed
    return { id: receipt.id }
  }

  async subscribe(request: SubscribeRequest): Promise<Subscribed> {
    const { filter, again } = request
    const session = this.#live()
    const id = this.#state.routes.get(filter)?.id ?? ++this.#state.lastRouteId
    // Before the answer: last values may come ahead of it.
    this.#state.routes.set(filter, { id, request })
    const resumed = again && session.resumed
    const replay = resumed ? 'never' : 'always'
    const [result] = await session.subscribe([{ filter, delivery: 'at-least-once', replay, subscriptionId: id }])
    if (result?.ok !== false) return { resumed }
    this.#state.routes.delete(filter)
    throw result.error
  }

  async unsubscribe(filter: string): Promise<void> {
    this.#state.routes.delete(filter)
    await this.#live().unsubscribe([filter])
  }

  async read(filter: string, options: ReadOptions): Promise<ReceivedPage> {
    const { messages, next, complete } = await this.#live().read(toRequest(filter, options))
    return { messages: messages.map(message => this.#toReceived(message)), next, complete }
  }

  async latest(filter: string): Promise<readonly ClientMessage[]> {
    return (await this.#live().latest(filter)).map(message => ({ ...this.#toReceived(message), retain: true }))
  }

  async close(forGood: boolean): Promise<void> {
    if (this.#ended) return
    this.#end(new ThingmeshError('canceled', 'the connection was closed here', { outcome: 'unknown' }))
    await this.#session.close('farewell', forGood ? 0 : undefined)
  }

  readonly #outlet: Outlet = {
    deliver: (message, terms, tag) => {
      if (this.#ended) return false
      const taken = this.#take(message, terms, tag)
      if (tag !== 0) void taken.then(() => this.#ended || this.#session.acknowledge(tag))
      return true
    },
    release: tag => void this.#session.acknowledge(tag),
    revoke: (filters, reason) => {
      for (const filter of filters) this.#refuse(filter, reason)
    },
    close: reason => this.#end(reason),
  }

  #refuse(filter: string, reason: ThingmeshError): void {
    const { routes } = this.#state
    const route = routes.get(filter)
    routes.delete(filter)
    route?.request.onRefused(reason)
  }

  /** What its readers have in front of them, and the hub delivers again to a session that came back, is the same message. */
  #take(message: Message, terms: DeliveryTerms, tag: number): Promise<void> {
    const { untaken } = this.#state
    const id = messageId(message.log, message.sequence)
    // A last value is another copy, and what is at-most-once does not come twice.
    const mayRepeat = tag !== 0 && !terms.replay
    const known = mayRepeat ? untaken.get(id) : undefined
    if (known !== undefined) return known
    const received = {
      ...this.#toReceived(message),
      retain: terms.replay || (terms.retainAsPublished && message.retain),
    }
    const takers: Promise<void>[] = []
    for (const { id: routeId, request } of this.#state.routes.values()) {
      if (terms.subscriptionIds.includes(routeId)) takers.push(request.onMessage(received))
    }
    const taken = Promise.all(takers).then(() => void (mayRepeat && untaken.delete(id)))
    if (mayRepeat) untaken.set(id, taken)
    return taken
  }

  #toReceived(message: Message): ReceivedMessage {
    const { topic, payload, contentType, delivery, retain, properties, publisher, protocol, acceptedAtMs } = message
    const cursor = this.#session.cursorOf(message)
    const id = messageId(message.log, message.sequence)
    const facts = { topic, payload, contentType, delivery, retain, properties, publisher, acceptedAtMs }
    return { ...toClientMessage(facts), id, cursor, publisher, acceptedAtMs, protocol }
  }

  #live(): Session {
    if (!this.#ended) return this.#session
    throw new ThingmeshError('unavailable', 'the connection is over', { outcome: 'not-sent' })
  }

  #end(reason: ThingmeshError): void {
    if (this.#ended) return
    this.#ended = true
    this.#resolveClosed(reason)
  }
}

function toRequest(filter: string, options: ReadOptions): ReadRequest {
  const { after, before, fromMs, toMs, publisher, limit, last, waitSeconds } = options
  return {
    filter,
    after,
    before,
    fromMs,
    toMs,
    publisher,
    limit: last ?? limit,
    newest: last !== undefined,
    waitMs: waitSeconds === undefined ? undefined : waitSeconds * 1000,
  }
}
