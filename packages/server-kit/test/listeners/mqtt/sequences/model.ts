/*
 * What MQTT clients must observe of a hub, in words as plain as they could be made: no code of the hub, and nothing of how it works. Between two commands everything that was
 * due has arrived, so that there is no time in it.
 */

export type QoS = 0 | 1 | 2

export interface Said {
  /** The session that says it: what is in order is what one says on one topic. */
  readonly from: string
  readonly topic: string
  readonly text: string
  readonly qos: QoS
  readonly retain: boolean
}

export interface Wanted {
  readonly filter: string
  readonly qos: QoS
  readonly retainAsPublished: boolean
  readonly subscriptionId: number
}

/** One message on its way to one session, from QoS 1 up until the end of its exchange. */
export interface Delivery {
  readonly from: string
  readonly topic: string
  readonly text: string
  readonly qos: QoS
  readonly retain: boolean
  readonly subscriptionIds: readonly number[]
  readonly isReplay: boolean
  /** `queued`: not sent on this connection. `received`: the client has said PUBREC. */
  state: 'queued' | 'sent' | 'received'
  /** Since it was first sent. */
  packetId: number
  isAgain: boolean
  /** A hub that was killed does not know how far it had come, and one that stops may or may not have sent a will to those who are leaving too. */
  mayBeAgain: boolean
  /** The client has said PUBREC: it is never sent again. */
  isReceived: boolean
  /** It ended before one that was sent before it, which a client is not to do (MQTT-4.6.0-2). */
  isAhead: boolean
  isTolerated: boolean
}

/** What a client has to be sent. */
export type Due =
  | { readonly type: 'publish'; readonly delivery: Delivery }
  | { readonly type: 'pubrel'; readonly delivery: Delivery }

export class SessionModel {
  isConnected = false
  lasts = false
  window = 64
  will: Said | undefined
  readonly wanted = new Map<string, Wanted>()
  deliveries: Delivery[] = []
  /** Ids of QoS 2 publishes of the client that it has not released. */
  readonly transfers = new Set<number>()
  due: Due[] = []
  /** May come or may not: its subscriptions have changed since, or a hub that was killed has not noted its end. */
  readonly tolerated = new Set<string>()
  toleratesRelease = false
  /** Ended since a hub last had the time to note everything. */
  ended: Delivery[] = []

  get held(): readonly Delivery[] {
    return this.deliveries.filter(({ state }) => state !== 'queued')
  }

  take(delivery: Delivery): void {
    if (delivery.qos > 0) this.deliveries.push(delivery)
    else if (this.isConnected) this.due.push({ type: 'publish', delivery })
    this.pump()
  }

  /** In the order of their acceptance, as many at a time as the client takes; replayed values before what waits. */
  pump(): void {
    if (!this.isConnected) return
    const waiting = this.deliveries.filter(({ state }) => state === 'queued')
    for (const delivery of [...waiting.filter(one => one.isReplay), ...waiting.filter(one => !one.isReplay)]) {
      if (this.held.length >= this.window) return
      delivery.state = 'sent'
      this.due.push({ type: 'publish', delivery })
    }
  }

  end(delivery: Delivery): void {
    delivery.isAhead = this.deliveries.find(({ isReplay }) => !isReplay) !== delivery
    this.deliveries = this.deliveries.filter(one => one !== delivery)
    if (!delivery.isReplay) this.ended.push(delivery)
    this.pump()
  }

  attach(): void {
    this.isConnected = true
    for (const delivery of this.deliveries) {
      if (delivery.state === 'received') this.due.push({ type: 'pubrel', delivery })
      else if (delivery.state === 'sent') Object.assign(delivery, { state: 'queued', isAgain: true })
    }
    this.pump()
  }

  detach(): void {
    this.isConnected = false
    this.due = []
    this.deliveries = this.deliveries.filter(({ isReplay, isTolerated }) => isReplay || !isTolerated)
    // A replayed value is not owed to the next connection; the end of its exchange is, if that has begun.
    this.deliveries = this.deliveries.filter(
      ({ isReplay, qos, state }) => !isReplay || (qos === 2 && state !== 'queued'),
    )
    for (const one of this.deliveries) if (one.isReplay) one.state = 'received'
  }

  receive(delivery: Delivery): void {
    delivery.state = 'received'
    delivery.isReceived = true
    this.due.push({ type: 'pubrel', delivery })
  }

  tolerate(delivery: Delivery): void {
    delivery.isTolerated = true
    if (!delivery.isReceived) this.tolerated.add(delivery.text)
    this.toleratesRelease = true
  }

  /** The terms of what matches have changed: of what is not under way on this very connection nothing is said any more. */
  loosen(filter: string): void {
    for (const delivery of this.deliveries) {
      if (!matches(filter, delivery.topic)) continue
      this.tolerate(delivery)
      if (delivery.state === 'queued') this.deliveries = this.deliveries.filter(one => one !== delivery)
    }
  }
}

export class HubModel {
  readonly sessions = new Map<string, SessionModel>()
  readonly retained = new Map<string, Said>()

  isConnected(id: string): boolean {
    return this.sessions.get(id)?.isConnected === true
  }

  /** Answers whether the session was there. */
  connect(id: string, how: { clean: boolean; lasts: boolean; window: number; will: Said | undefined }): boolean {
    if (this.isConnected(id)) this.takeOver(id)
    if (how.clean) this.sessions.delete(id)
    const known = this.sessions.get(id)
    const session = known ?? new SessionModel()
    // In the order of connection: that of their wills, where a hub stops.
    this.sessions.delete(id)
    this.sessions.set(id, session)
    session.lasts = how.lasts
    session.window = how.window
    session.will = how.will
    session.attach()
    return known !== undefined
  }

  /** Whether an at-most-once will reaches the connection that takes over from the one that it is of is anybody's guess. */
  takeOver(id: string): void {
    const session = this.sessions.get(id)!
    const { will } = session
    this.lose(id, true)
    const wants = [...session.wanted.values()].filter(({ filter }) => will && matches(filter, will.topic))
    if (will !== undefined && wants.length > 0 && wants.every(({ qos }) => Math.min(qos, will.qos) === 0))
      session.tolerated.add(will.text)
  }

  lose(id: string, saysWill: boolean): void {
    const session = this.sessions.get(id)!
    session.detach()
    const { will } = session
    session.will = undefined
    if (!session.lasts) this.sessions.delete(id)
    if (saysWill && will !== undefined) this.accept(will)
  }

  subscribe(id: string, wanted: Wanted): void {
    const session = this.sessions.get(id)!
    session.loosen(wanted.filter)
    session.wanted.set(wanted.filter, wanted)
    const subscriptionIds = wanted.subscriptionId === 0 ? [] : [wanted.subscriptionId]
    for (const said of this.retained.values()) {
      if (!matches(wanted.filter, said.topic)) continue
      const qos = Math.min(said.qos, wanted.qos) as QoS
      // Later than at once it may be another value that is the last one.
      const delivery = fresh(said, qos, true, subscriptionIds, true)
      if (session.held.length >= session.window) session.tolerate(delivery)
      else session.take(delivery)
    }
  }

  unsubscribe(id: string, filter: string): boolean {
    const session = this.sessions.get(id)!
    session.loosen(filter)
    return session.wanted.delete(filter)
  }

  /** False: it is the repetition of a QoS 2 publish that is not released. */
  publish(id: string, said: Said, packetId: number): boolean {
    const { transfers } = this.sessions.get(id)!
    if (said.qos === 2) {
      if (transfers.has(packetId)) return false
      transfers.add(packetId)
    }
    this.accept(said)
    return true
  }

  accept(said: Said): void {
    if (said.retain && said.text === '') this.retained.delete(said.topic)
    else if (said.retain) this.retained.set(said.topic, said)
    for (const session of this.sessions.values()) {
      const wants = [...session.wanted.values()].filter(({ filter }) => matches(filter, said.topic))
      if (wants.length === 0) continue
      const strongest = Math.max(...wants.map(({ qos }) => qos))
      const retain = said.retain && wants.some(({ retainAsPublished }) => retainAsPublished)
      const ids = wants.map(({ subscriptionId }) => subscriptionId).filter(one => one !== 0)
      session.take(fresh(said, Math.min(said.qos, strongest) as QoS, retain, ids, false))
    }
  }

  /** Another hub on the same store. A killed one publishes no will, and may not have noted what has ended of late; nor what has ended out of turn, any. */
  restart(isKilled: boolean): void {
    const before = new Set([...this.sessions.values()].flatMap(({ deliveries }) => deliveries))
    for (const [id, session] of [...this.sessions]) {
      if (!session.isConnected) continue
      if (isKilled) {
        session.will = undefined
        for (const one of session.deliveries) if (one.state === 'queued') one.mayBeAgain = true
      }
      this.lose(id, true)
    }
    for (const session of this.sessions.values()) {
      for (const one of session.deliveries) if (!before.has(one)) one.mayBeAgain = true
      session.deliveries = session.deliveries.filter(({ isReplay }) => !isReplay)
      for (const delivery of session.ended) if (isKilled || delivery.isAhead) session.tolerate(delivery)
      if (!isKilled) session.ended = session.ended.filter(({ isAhead }) => isAhead)
    }
  }
}

function fresh(
  { from, topic, text }: Said,
  qos: QoS,
  retain: boolean,
  subscriptionIds: readonly number[],
  isReplay: boolean,
): Delivery {
  return {
    ...{ from, topic, text, qos, retain, subscriptionIds, isReplay },
    ...{ state: 'queued', packetId: 0, isAgain: false, mayBeAgain: false },
    ...{ isReceived: false, isAhead: false, isTolerated: false },
  }
}

function matches(filter: string, topic: string): boolean {
  const levels = topic.split('/')
  const wanted = filter.split('/')
  if (wanted.at(-1) === '#') return wanted.slice(0, -1).every((one, at) => one === '+' || one === levels[at])
  return wanted.length === levels.length && wanted.every((one, at) => one === '+' || one === levels[at])
}
