import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, it, onTestFinished, vi } from 'vitest'
import { coapCounters } from '../../../src/listeners/coap/counters.ts'
import { defaultCoapLimits } from '../../../src/listeners/coap/options.ts'
import { SocketWire } from '../../../src/listeners/coap/socket-wire.ts'
import { createMeter } from '../../../src/pipeline/meter.ts'

it('a fault of the system that lasts shows in a counter, and ends nothing', async () => {
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  socket.bind({ address: '127.0.0.1', port: 0 })
  await once(socket, 'listening')
  const counters = coapCounters(createMeter())
  const wire = new SocketWire(socket, defaultCoapLimits, counters)
  const { address, port } = socket.address()
  for (let i = 0; i < 32; i++) wire.send(Uint8Array.of(1), address, port)
  // Nobody may send to everybody who has not asked the system for it.
  for (let i = 0; i < 64; i++) wire.send(Uint8Array.of(1), '255.255.255.255', 9)
  await vi.waitFor(() => expect(counters.unsent.value).toBe(64))
  expect(counters.refused['socket-bytes'].value).toBe(0)
})
