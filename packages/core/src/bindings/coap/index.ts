export {
  type Block,
  blockBytes,
  blockOffset,
  blockOption,
  exponentThatFits,
  parseBlock,
  type Slice,
  sizeExponentMax,
  sliceBody,
} from './block.ts'
export { Code, codeClass, codeText, isRequestCode, isResponseCode } from './codes.ts'
export { ContentFormat, fromContentFormat, toContentFormat } from './content-formats.ts'
export { decodeHeader, decodeMessage, type MessageHeader } from './decode-message.ts'
export { decodeOptions, type OptionScan, scanOptions } from './decode-options.ts'
export { encodeEmpty, encodeMessage, encodePiggybacked } from './encode-message.ts'
export { FrameParser } from './frame-parser.ts'
export { encodeFrame, Signal, SignalOption } from './frames.ts'
export { formatLinks, type Link, matchesQuery, parseLinks } from './link-format.ts'
export {
  type CoapBody,
  type CoapMessage,
  type CoapOption,
  type MessageType,
  noBytes,
  tokenBytesMax,
} from './message.ts'
export { parseMessagePath, toMessagePath } from './message-path.ts'
export { isUnwanted } from './no-response.ts'
export { isNewer, type Notification, nextObserve, Observe } from './observe.ts'
export {
  isCritical,
  isNoCacheKey,
  isUnsafe,
  type OptionDescriptor,
  type OptionFormat,
  OptionNumber,
  optionByNumber,
} from './option-numbers.ts'
export {
  findOption,
  findStrings,
  findUint,
  readString,
  readUint,
  stringOption,
  uintOption,
  type WeighedOptions,
  weighOptions,
} from './option-values.ts'
export { decodeWebSocketMessage, encodeWebSocketMessage } from './web-socket-messages.ts'
