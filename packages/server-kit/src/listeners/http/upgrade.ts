import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ThingmeshError } from '@thingmesh/core'
import type { Counter, Upgrade } from '../../contracts/index.ts'
import { parseAuthorization } from './authorization.ts'
import type { Connections, Refusal } from './connections.ts'
import { errorReply } from './errors.ts'
import type { ResolvedListenerOptions } from './options.ts'
import { forwardedPeer } from './peer.ts'
import { endWith, tooManyHeaders } from './raw-reply.ts'
import type { Reply } from './reply.ts'

/** Hands connections over, within the limits that requests have, or answers why not. */
export function upgradeListener(
  upgrade: Upgrade,
  connections: Connections,
  refused: Readonly<Record<Refusal, Counter>>,
  options: ResolvedListenerOptions,
) {
  const accept = (request: IncomingMessage, socket: Socket, head: Buffer): Reply | undefined => {
    if (request.rawHeaders.length > 2 * options.headersMax) {
      refused.headers.value++
      return tooManyHeaders(options.headersMax)
    }
    const connected = connections.of(socket)!.peer
    const forwarded = request.headers['x-forwarded-for']
    const peer = options.trustProxy
      ? forwardedPeer(forwarded === undefined ? null : String(forwarded), connected)
      : connected
    const credentialOf = (authorization: string | undefined) =>
      parseAuthorization(authorization ?? null, peer.certificate)
    const refusal = upgrade.isMeantBy(request)
      ? upgrade.accept(request, socket, head, { peer, credentialOf })
      : new ThingmeshError('unsupported', 'an upgrade to what is not spoken here')
    return refusal && errorReply(refusal)
  }
  return (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const connection = connections.of(socket as Socket)
    // Behind a request that is not answered yet, what is said would be taken for its answer.
    if (connection === undefined || connection.requests > 0) {
      refused.pipelining.value++
      socket.destroy()
      return
    }
    const reply = accept(request, socket as Socket, head)
    if (reply === undefined) return
    socket.on('error', () => undefined)
    endWith(socket as Socket, reply)
    ;(socket as Socket).destroySoon()
  }
}
