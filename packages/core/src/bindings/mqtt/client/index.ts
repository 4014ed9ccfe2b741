export { encodeToHub, type ToHub } from './encode.ts'
export { FieldWriter } from './fields.ts'
export { type FromHub, PacketStream } from './packet-stream.ts'
