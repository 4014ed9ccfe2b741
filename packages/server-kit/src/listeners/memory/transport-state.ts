import type { SubscribeRequest } from '@thingmesh/core'

interface Route {
  /** The subscription's identifier at the hub: the same for as long as the transport lives. */
  readonly id: number
  readonly request: SubscribeRequest
}

/** What outlives a connection, as the session at the hub does. */
export interface TransportState {
  readonly clientId: string
  readonly routes: Map<string, Route>
  /** By message id: what the hub will deliver again, because it was not told that it was taken. */
  readonly untaken: Map<string, Promise<void>>
  lastRouteId: number
}
