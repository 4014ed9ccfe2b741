export { coapListener } from './listener.ts'
export { type CoapLimits, type CoapListenerOptions, defaultCoapLimits } from './options.ts'
