import { hubVersion, PROFILES, startHub } from '../brokers/hub.ts'
import type { CoapShape } from '../coap-shapes.ts'
import type { CoapServer } from './contract.ts'

/** Our hub, by its door for CoAP: each endpoint is a thing with a key, and a grant lets it do what it does. */
export function thingmesh(options: { dist: boolean }): CoapServer {
  return {
    name: 'thingmesh',
    profiles: profilesOf,
    isSynced: profile => PROFILES[profile]?.durability === 'disk',
    version: async () => hubVersion(options.dist),
    start: async ({ endpoints, publishers, ...start }) => {
      const { ready, keys, running } = await startHub({
        ...start,
        dist: options.dist,
        things: endpoints + publishers,
        actions: ['publish', 'subscribe', 'read'],
        isWeighed: false,
      })
      const queryOf = (i: number) => [`auth=${keys[i]!.password}`]
      const { pid, death, stop } = running
      return {
        pid,
        ...ready.coap,
        mqtt: ready.mqtt,
        asksForProof: true,
        endpoint: i => ({ path: ['c', 'bench', String(i)], query: queryOf(i) }),
        shared: i => ({ path: ['c', 'bench', 'shared'], query: queryOf(i) }),
        publisher: i => ({ clientId: `bench-${i}`, topic: `bench/${i}`, ...keys[endpoints + i]! }),
        death,
        stop,
      }
    },
  }
}

function profilesOf({ kind, method }: CoapShape): readonly string[] {
  if (kind === 'requests') return method === 'get' ? ['disk'] : ['memory', 'disk']
  return kind === 'observers' ? ['disk'] : ['memory', 'disk']
}
