export { encodeToHub, type ToHub } from './encode.ts'
export { type FromHub, PacketStream } from './packet-stream.ts'
