export { senmlCborCodec } from './senml-cbor.ts'
