import type { Peer } from '../../contracts/index.ts'
import { createApp } from './app.ts'
import { gaugeStreams } from './gauges.ts'
import type { HandlerContext } from './handler-context.ts'
import { type HttpHandlerOptions, resolveHandlerOptions } from './options.ts'
import { unknownPeer } from './peer.ts'

/**
 * The whole HTTP interface as a function from `Request` to `Response`, for any framework to mount. It never rejects.
 * Failed authentications are counted by the peer's address; without a peer all callers count as one.
 *
 * The limits on headers, connections and time are the host's to keep; the limit on bodies is kept here.
 */
export function httpHandler(
  context: HandlerContext,
  options: HttpHandlerOptions = {},
): (request: Request, peer?: Peer) => Promise<Response> {
  const resolved = resolveHandlerOptions(options)
  const app = createApp(context, resolved)
  gaugeStreams(context.meter, app)
  return (request, peer = unknownPeer) => app.fetch(request, { peer })
}
