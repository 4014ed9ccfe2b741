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
  await found.run({
    transport: () => toTransport(hub),
    stranger: () => toTransport({ ...hub, key: 'wrong' }),
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

/** Impatient enough for a test of what is silent, and patient enough for a busy machine. */
function toTransport({ scheme, port, thing, key }: Hub): Transport {
  if (scheme === 'http') {
    return httpTransport(`http://127.0.0.1:${port}`, { key, timeoutMs: 1_500, silenceMs: 1_500, checkMs: 500 })
  }
  const dial = webSocketDial(`ws://127.0.0.1:${port}/mqtt`)
  return mqttTransport(dial, { thing, key, timeoutMs: 1_500, keepAliveSeconds: 1 })
}
