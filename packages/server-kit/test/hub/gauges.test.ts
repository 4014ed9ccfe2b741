import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { coapListener } from '../../src/listeners/coap/index.ts'
import { httpListener } from '../../src/listeners/http/index.ts'
import { createMeter } from '../../src/pipeline/meter.ts'
import { observe, TestPeer } from '../listeners/coap/peer.ts'
import { startHub } from '../support/hub.ts'

const addressOf = ({ address }: { readonly address?: { readonly host: string; readonly port: number } | undefined }) =>
  `${address!.host}:${address!.port}`

describe('a gauge', () => {
  it('is read where it was registered last: of a door that opened again nothing is left of the one before', () => {
    const meter = createMeter()
    const read = () => meter.collect().flatMap(({ samples }) => samples.map(({ value }) => value))
    meter.gauge('open', 'Open.', () => 1, { listener: 'a' })
    meter.gauge('open', 'Open.', () => 2, { listener: 'a' })
    expect(read()).toEqual([2])
    meter.gauge('open', 'Open.', () => 3, { listener: 'b' })
    expect(read()).toEqual([2, 3])
  })

  it('of two CoAP doors is told of each, by its address', async () => {
    const doors = [coapListener({ port: 0 }), coapListener({ port: 0 })] as const
    const site = await startHub({ listeners: doors })
    const peer = await TestPeer.open(doors[1].address!.port, [`auth=${await site.thing('sensor')}`])
    onTestFinished(() => peer.close())
    await peer.ask({ path: '/c/telemetry/a', options: [observe(0)] })
    for (const name of ['thingmesh_coap_observers', 'thingmesh_coap_peers']) {
      const told = doors.map(door => site.counter(name, { transport: 'udp', listener: addressOf(door) }))
      expect(told).toEqual([0, 1])
    }
  })

  it('of two HTTP doors is told of each, by its address', async () => {
    const doors = [httpListener({ port: 0 }), httpListener({ port: 0 })] as const
    const site = await startHub({ listeners: doors })
    const headers = { accept: 'text/event-stream', authorization: `Thing ${await site.thing('sensor')}` }
    const leaving = new AbortController()
    onTestFinished(() => leaving.abort())
    await fetch(`http://${addressOf(doors[1])}/channels/telemetry/messages`, { headers, signal: leaving.signal })
    for (const name of ['thingmesh_http_streams', 'thingmesh_http_connections']) {
      await vi.waitFor(() =>
        expect(doors.map(door => site.counter(name, { listener: addressOf(door) }))).toEqual([0, 1]),
      )
    }
  })
})
