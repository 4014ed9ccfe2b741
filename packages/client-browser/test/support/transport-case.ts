import type { Transport } from '@thingmesh/core'
import { httpTransport } from '@thingmesh/core'
import { mqttTransport, webSocketDial } from '@thingmesh/core/mqtt-client'
import { type TransportSite, transportCases } from '@thingmesh/core/testing'

declare global {
  /** In a page: what its test does at the hub. */
  var atHub: (name: string, args: readonly unknown[]) => Promise<unknown>
}

/** Where the hub is, and who the thing is there. */
export interface Hub {
  readonly scheme: 'ws' | 'http'
  readonly port: number
  readonly thing: string
  readonly key: string
}

/** Runs one of core's cases in this page, against the hub of its test. */
export async function runTransportCase(name: string, hub: Hub): Promise<void> {
  const found = transportCases.find(candidate => candidate.name === name)
  if (found === undefined) throw new Error(`there is no case ${name}`)
  const call = (method: keyof TransportSite) => (): void => {
    // What a case does to its network is done when the next line runs: a page can wait so for nothing else.
    const request = new XMLHttpRequest()
    request.open('POST', `/calls/${method}`, false)
    request.send()
  }
  const open = found.needs?.includes('network') === true ? toImpatientTransport : toTransport
  await found.run({
    transport: () => open(hub),
    stranger: () => open({ ...hub, key: 'wrong' }),
    publish: async (...args) => void (await atHub('publish', args)),
    stored: async () => (await atHub('stored', [])) as string[],
    stop: async () => void (await atHub('stop', [])),
    start: async () => void (await atHub('start', [])),
    grant: async all => void (await atHub('grant', [all])),
    removeThing: async () => void (await atHub('removeThing', [])),
    cut: call('cut'),
    freeze: call('freeze'),
    thaw: call('thaw'),
  })
}

/** Nothing that a case waits for is a time: these are for a machine that is hopelessly busy. */
const patience = { timeoutMs: 60_000, silenceMs: 60_000, keepAliveSeconds: 60 }

function toTransport({ scheme, port, thing, key }: Hub, options = patience): Transport {
  if (scheme === 'http') return httpTransport(`http://127.0.0.1:${port}`, { key, checkMs: 500, ...options })
  return mqttTransport(webSocketDial(`ws://127.0.0.1:${port}/mqtt`), { thing, key, ...options })
}

/** For a network that is silent, which only time tells. */
function toImpatientTransport(hub: Hub): Transport {
  return toTransport(hub, { timeoutMs: 3_000, silenceMs: 3_000, keepAliveSeconds: 3 })
}
