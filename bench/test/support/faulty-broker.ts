import { type AddressInfo, createServer, type Socket } from 'node:net'
import { FrameReader } from '../../load/reader.ts'

/** What a broker does to the payload of a message that it is to pass on: as many copies as it returns. */
export type Fault = (frame: Buffer, count: number) => readonly Buffer[]

/** Just enough of MQTT for publishers and one subscriber at QoS 0 or 1, with a fault. */
export async function faultyBroker(fault: Fault): Promise<{ port: number; stop(): Promise<void> }> {
  let subscriber: Socket | undefined
  let count = 0
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    const reader = new FrameReader()
    const onFrame = (bytes: Buffer, start: number, body: number, end: number): void => {
      const type = bytes[start]! >> 4
      if (type === 1) socket.write(Uint8Array.of(0x20, 2, 0, 0))
      if (type === 8) {
        subscriber = socket
        socket.write(Uint8Array.of(0x90, 3, bytes[body]!, bytes[body + 1]!, bytes[end - 1]!))
      }
      if (type !== 3) return
      const packetIdAt = body + 2 + bytes.readUInt16BE(body)
      if ((bytes[start]! & 6) === 2) socket.write(Uint8Array.of(0x40, 2, bytes[packetIdAt]!, bytes[packetIdAt + 1]!))
      for (const copy of fault(Buffer.from(bytes.subarray(start, end)), count++)) subscriber?.write(copy)
    }
    socket.on('data', chunk => reader.push(chunk, chunk.length, { onFrame, onReadEnd: () => {} }))
    socket.on('error', () => socket.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
