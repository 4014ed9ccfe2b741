// The dumb sink that the load generator is measured against. It answers the handshakes, learns from a publisher's
// first frame which subscribers it has and how long its frames are (they are all alike), and from then on passes whole
// frames on unread. At QoS 1 it picks out the packet ids, to acknowledge them.
import { createServer, type Socket } from 'node:net'

interface Listening {
  readonly filter: string
  readonly socket: Socket
}

const listeners: Listening[] = []

function serve(socket: Socket): void {
  let held: Buffer = Buffer.alloc(0)
  let audience: Socket[] | undefined
  let frameBytes = 0
  let packetIdAt = 0
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    let bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    while (audience === undefined && bytes.length >= 2 && bytes.length >= 2 + bytes[1]!) {
      const end = 2 + bytes[1]!
      const type = bytes[0]! >> 4
      if (type === 3) {
        const topicEnd = 4 + bytes.readUInt16BE(2)
        const topic = bytes.toString('utf8', 4, topicEnd)
        audience = listeners.filter(({ filter }) => filter === topic || filter === 'bench/+').map(l => l.socket)
        frameBytes = end
        packetIdAt = (bytes[0]! & 0x06) === 0 ? 0 : topicEnd
        break
      }
      if (type === 1) socket.write(Uint8Array.of(0x20, 2, 0, 0))
      if (type === 8) {
        const filterEnd = 6 + bytes.readUInt16BE(4)
        listeners.push({ filter: bytes.toString('utf8', 6, filterEnd), socket })
        socket.write(Uint8Array.of(0x90, 3, bytes[2]!, bytes[3]!, bytes[filterEnd]!))
      }
      // What a subscriber says later are acknowledgements: nobody waits for them.
      bytes = type === 4 ? Buffer.alloc(0) : bytes.subarray(end)
    }
    if (audience === undefined) {
      held = bytes
      return
    }
    const whole = bytes.length - (bytes.length % frameBytes)
    held = bytes.subarray(whole)
    if (whole === 0 || bytes[0] === 0xe0) return
    const frames = bytes.subarray(0, whole)
    for (const listener of audience) listener.write(frames)
    if (packetIdAt > 0) acknowledge(socket, frames, frameBytes, packetIdAt)
  })
}

function acknowledge(socket: Socket, frames: Buffer, frameBytes: number, packetIdAt: number): void {
  const acks = Buffer.allocUnsafe((frames.length / frameBytes) * 4)
  for (let at = packetIdAt, to = 0; at < frames.length; at += frameBytes, to += 4) {
    acks[to] = 0x40
    acks[to + 1] = 2
    acks[to + 2] = frames[at]!
    acks[to + 3] = frames[at + 1]!
  }
  socket.write(acks)
}

const server = createServer({ noDelay: true }, serve)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' && address ? address.port : 0}\n`)
})
