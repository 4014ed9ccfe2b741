import type { Qos } from '../load/job.ts'
import type { Shape } from '../shapes.ts'
import { BENCH_TOPICS, type Broker } from './contract.ts'
import { hubVersion, PROFILES, startHub } from './hub.ts'

/** Our hub, by the door for MQTT. `dist` runs the built package instead of the source. */
export function thingmesh(options: { dist: boolean }): Broker {
  return {
    name: 'thingmesh',
    profiles: profilesOf,
    isSynced: profile => PROFILES[profile]?.durability === 'disk',
    version: async () => hubVersion(options.dist),
    start: async ({ connections, isWeighed, ...start }) => {
      const { ready, keys, running } = await startHub({
        ...start,
        dist: options.dist,
        things: connections,
        actions: ['publish', 'subscribe'],
        isWeighed,
      })
      const { pid, death, stop } = running
      const { host, port } = ready.mqtt
      const collects = { collectsGarbage: isWeighed }
      return { ...BENCH_TOPICS, ...collects, pid, host, port, credentials: i => keys[i] ?? {}, death, stop }
    },
  }
}

function profilesOf(qos: Qos, shape: Shape): readonly string[] {
  if (shape.kind === 'idle') return ['disk']
  if (shape.kind === 'filters') return ['record acked']
  if (qos === 0) return ['record acked', 'record all']
  return qos === 1 && shape.kind === 'flow' ? ['memory', 'process', 'disk'] : ['memory', 'disk']
}
