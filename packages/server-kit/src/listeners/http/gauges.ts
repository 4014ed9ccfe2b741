import type { Labels, Meter } from '../../contracts/index.ts'
import type { HttpApp } from './app.ts'
import type { Connections } from './connections.ts'

/** `labels` tell it from other doors: one that is mounted in a framework has none. */
export function gaugeStreams(meter: Meter, app: HttpApp, labels: Labels = {}): void {
  meter.gauge('thingmesh_http_streams', 'Answers that go on.', () => app.streamCount, labels)
}

export function gaugeConnections(meter: Meter, connections: Connections, labels: Labels): void {
  meter.gauge('thingmesh_http_connections', 'Open connections.', () => connections.size, labels)
}
