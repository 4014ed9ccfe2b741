import {
  ACK,
  type Body,
  CON,
  CONTENT,
  ECHO,
  EMPTY,
  encodeEmpty,
  encodeRequest,
  GET,
  messageIdOf,
  PUT,
  type RequestFields,
  RST,
  readBody,
  stamp,
  tokenOf,
  typeOf,
  UNAUTHORIZED,
} from './datagrams.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointSpec } from './job.ts'

// RFC 7252, section 4.8: how long one waits at first, and how often one tries.
const ACK_TIMEOUT_MS = 2_000
const TRIES = 5
// Of an answer: more than three times the request, which is what nobody is sent without a proof (RFC 9175, section 2.4).
const PROOF_BYTES = 900
const PROOF_PATH = 'proof'

export interface Answer extends Body {
  readonly code: number
  readonly datagram: Buffer
}

/** One request and its answer, outside of all measuring. Takes the endpoint's datagrams meanwhile. */
export async function exchange(
  endpoint: Endpoint,
  fields: Omit<RequestFields, 'type'>,
  { token = 0, type = CON }: { readonly token?: number; readonly type?: number } = {},
): Promise<Answer> {
  const datagram = encodeRequest({ ...fields, type })
  const messageId = endpoint.takeMessageId()
  stamp(datagram, messageId, token)
  const before = endpoint.onDatagram
  try {
    return await new Promise<Answer>((resolve, reject) => {
      let tries = 0
      let timer: NodeJS.Timeout | undefined
      const attempt = (): void => {
        if (tries++ === TRIES) {
          reject(new Error(`no answer to a request that was sent ${TRIES} times`))
          return
        }
        endpoint.send(datagram)
        timer = setTimeout(attempt, ACK_TIMEOUT_MS)
      }
      endpoint.onDatagram = received => {
        const code = received[1]!
        if (code === EMPTY || tokenOf(received) !== token) {
          if (typeOf(received) === RST && messageIdOf(received) === messageId) reject(new Error('a request was reset'))
          else if (isPing(received)) endpoint.send(encodeEmpty(RST, messageIdOf(received)))
          else if (code !== EMPTY) before(received)
          return
        }
        clearTimeout(timer)
        if (typeOf(received) === CON) endpoint.send(encodeEmpty(ACK, messageIdOf(received)))
        const body = readBody(received)
        if (body === undefined) reject(new Error('an answer that is malformed'))
        else resolve({ code, datagram: received, ...body })
      }
      attempt()
    })
  } finally {
    endpoint.onDatagram = before
  }
}

export function isPing(datagram: Uint8Array): boolean {
  return datagram[1] === EMPTY && typeOf(datagram) === CON
}

/** Puts a value there. Throws where the server does not want it. */
export async function put(endpoint: Endpoint, spec: EndpointSpec, payload: Uint8Array): Promise<void> {
  const { code } = await exchange(endpoint, { code: PUT, ...spec, payload })
  if (code >> 5 !== 2) throw new Error(`PUT ${spec.path.join('/')} was answered with ${codeText(code)}`)
}

/** Something beside what the endpoint asks for, large enough that it takes a proof to be told it. */
function proofOf({ path, query }: EndpointSpec): EndpointSpec {
  return { path: [...path.slice(0, -1), PROOF_PATH], query }
}

export async function prepareProof(endpoint: Endpoint, spec: EndpointSpec): Promise<void> {
  await put(endpoint, proofOf(spec), Buffer.alloc(PROOF_BYTES, 0x5a))
}

/** Asks for more than an address is told that has proved nothing, and proves it by the Echo that comes back (RFC 9175). */
export async function prove(endpoint: Endpoint, spec: EndpointSpec): Promise<void> {
  const asked = { code: GET, ...proofOf(spec) }
  const refused = await exchange(endpoint, asked)
  // It has acknowledged something already, and proved itself by that.
  if (refused.code === CONTENT) return
  const echo = refused.options.get(ECHO)
  if (refused.code !== UNAUTHORIZED || echo === undefined) {
    throw new Error(`an address that proved nothing was answered with ${codeText(refused.code)}, and no Echo`)
  }
  const { code } = await exchange(endpoint, { ...asked, options: [[ECHO, echo]] })
  if (code !== CONTENT) throw new Error(`an address that was proved was answered with ${codeText(code)}`)
}

export function codeText(code: number): string {
  return `${code >> 5}.${String(code & 0x1f).padStart(2, '0')}`
}
