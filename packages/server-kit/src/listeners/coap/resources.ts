import { type ErrorCode, type Message, type Principal, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import {
  blockBytes,
  Code,
  codeText,
  findOption,
  findStrings,
  findUint,
  noBytes,
  Observe,
  OptionNumber,
  parseMessagePath,
  sizeExponentMax,
  weighOptions,
} from '@thingmesh/core/coap'
import type { Credential, Dialect, Receipt, Session } from '../../contracts/index.ts'
import { inOwnWords, keyParameter, parseQuery, type Query, toCredential, withoutCredential } from './credentials.ts'
import { discover } from './discovery.ts'
import { type Downloads, fittingBlock, wantedBlock } from './downloads.ts'
import type { EchoValues } from './echo.ts'
import type { Lease } from './lease.ts'
import { isAcceptable, type Representation, toClearing, toDraft, toRepresentation, withObserve } from './mapping.ts'
import type { Observers } from './observers.ts'
import { errorResponse } from './reasons.ts'
import { isPlain, type Recognition, type Wording } from './recognition.ts'
import type { Recognized } from './recognized.ts'
import type { Remote } from './remote.ts'
import { type Answer, CommitAnswer, emptyResponse, type Request, type Response } from './response.ts'
import type { Sessions } from './sessions.ts'
import { sizeOptions, type Uploads } from './uploads.ts'

export interface ResourcesContext {
  readonly sessions: Sessions
  readonly observers: Observers
  readonly uploads: Uploads
  readonly downloads: Downloads
  readonly recognition: Recognition
  readonly echo: EchoValues
  readonly dialects: readonly Dialect[]
}

/** A payload that is kept with the request that it was told to: one block, and no more than a few MiB for all of them. */
const toldBytesMax = blockBytes(sizeExponentMax)

/** Critical options that are acted on, and elective ones that are of use. What else is critical is refused with 4.02. */
const knownOptions: ReadonlySet<number> = new Set([
  OptionNumber.uriHost,
  OptionNumber.eTag,
  OptionNumber.observe,
  OptionNumber.uriPort,
  OptionNumber.uriPath,
  OptionNumber.contentFormat,
  OptionNumber.maxAge,
  OptionNumber.uriQuery,
  OptionNumber.accept,
  OptionNumber.block2,
  OptionNumber.block1,
  OptionNumber.size1,
  OptionNumber.echo,
  OptionNumber.requestTag,
])

/** One request to one resource, with who asks. */
interface Call {
  readonly request: Request
  readonly remote: Remote
  readonly lease: Lease
  readonly credential: Credential
  /** A topic; of a GET with Observe, it may be a filter. */
  readonly topic: string
  /** The publisher's own, of a POST or PUT. */
  readonly key: string | undefined
}

/** What the hub has for peers that speak CoAP, whatever carries it. */
export class Resources {
  readonly #context: ResourcesContext

  constructor(context: ResourcesContext) {
    this.#context = context
  }

  /** `undefined` where there is to be no answer. Neither throws nor rejects. */
  answer(request: Request, remote: Remote): Answer {
    const { recognition } = this.#context
    const known = recognition.find(request, remote)
    if (known !== undefined) {
      try {
        const answer =
          request.code === Code.get ? this.#getKnown(known, remote) : this.#publishKnown(known, request, remote)
        if (answer !== undefined) return answer
      } catch (thrown) {
        return this.#refused(thrown, remote)
      }
    }
    return this.#answer(request, remote).catch(thrown => this.#refused(thrown, remote))
  }

  #refused(thrown: unknown, remote: Remote): Response {
    const error = toThingmeshError(thrown)
    const response = errorResponse(error)
    const more = error.details.echo === 1 ? [this.#context.echo.option(remote)] : sizeOptions(error)
    return { ...response, options: [...response.options, ...more] }
  }

  /** `undefined` where it takes more than a look into memory. */
  #getKnown(known: Recognized, remote: Remote): Response | undefined {
    const { lease, topic, accept, isPattern } = known
    if (isPattern) return undefined
    const message = lease.session.latestAtHand(topic)
    if (message === undefined) return undefined
    const { sessions, downloads } = this.#context
    sessions.again(lease, remote).release()
    let { told } = known
    if (told?.message !== message) {
      const value = toRepresentation(message, Date.now())
      told = { message, value, response: { code: Code.content, options: value.options, payload: value.payload } }
      // What has a time to live tells what is left of it.
      const isKept = message.properties?.expiresInSeconds === undefined && message.payload.length <= toldBytesMax
      known.told = isKept ? told : undefined
    }
    if (!isAcceptable(told.value, accept)) throw notAcceptable()
    if (told === known.told && downloads.isIdle) return told.response
    return downloads.begin(downloadKey(remote, lease, topic), told.value, undefined)
  }

  #publishKnown(known: Recognized, request: Request, remote: Remote): Answer {
    const { topic, contentType, properties } = known
    const { confirmable, code, payload } = request
    const delivery = confirmable ? 'at-least-once' : 'at-most-once'
    const lease = this.#context.sessions.again(known.lease, remote)
    let receipt: Receipt | undefined
    try {
      receipt = lease.session.publish({ topic, payload, contentType, delivery, retain: code === Code.put, properties })
    } catch (error) {
      lease.release()
      throw error
    }
    if (receipt === undefined) {
      lease.release()
      return changed
    }
    return new CommitAnswer(receipt.committed, error => {
      lease.release()
      return error === undefined ? changed : this.#refused(error, remote)
    })
  }

  async #answer(asked: Request, remote: Remote): Promise<Response | undefined> {
    const wording = this.#context.recognition.wordingOf(asked, remote)
    if (isForProxy(asked)) throw refusal('unsupported', 'this hub is no proxy', Code.proxyingNotSupported)
    const { options, refused } = weighOptions(asked.options, knownOptions)
    if (refused !== undefined) {
      // RFC 7252, section 5.4.1: what is not confirmable is rejected, and nothing said.
      if (!asked.confirmable) return undefined
      const why = knownOptions.has(refused) ? ', and repeated or of a length that it cannot have' : ' and not supported'
      throw refusal('unsupported', `option ${refused} is critical${why}`, Code.badOption)
    }
    const { code, token, payload, confirmable } = asked
    const request: Request = { code, token, options, payload, confirmable }
    const echo = findOption(options, OptionNumber.echo)
    if (echo !== undefined && this.#context.echo.isValid(echo, remote)) remote.prove()
    const path = findStrings(options, OptionNumber.uriPath)
    const query = inOwnWords(parseQuery(findStrings(options, OptionNumber.uriQuery)), path, this.#context.dialects)
    if (path.length === 2 && path[0] === '.well-known' && path[1] === 'core') {
      return this.#discover(request, remote, query)
    }
    const own = parseMessagePath(path)
    if (own === undefined && this.#context.dialects.length === 0) throw noSuchPath()
    checkMethod(request)
    const key = isPublish(request) ? query.get(keyParameter) : undefined
    if (withoutCredential(query).size > (key === undefined ? 0 : 1)) {
      const allowed = `auth, u and p, and ${keyParameter} in a POST or PUT`
      throw new ThingmeshError('invalid-argument', `query has a parameter that is not known, allowed are ${allowed}`)
    }
    const credential = toCredential(query)
    const lease = await this.#lease(credential, remote)
    try {
      const topic = own ?? this.#readPath(path, request, lease.session.principal)
      // A draft that its publisher names is asked for once.
      if (wording !== undefined && key === undefined && isPlain(request)) this.#note(wording, request, topic, lease)
      return await this.#use({ request, remote, lease, credential, topic, key })
    } finally {
      lease.release()
    }
  }

  /** A path that is not our own, in the first dialect that claims it. Throws what the dialect does. */
  #readPath(path: readonly string[], { options }: Request, principal: Principal): string {
    // One level a segment, as in our own.
    const text = path.some(level => level.includes('/')) ? '' : path.join('/')
    const isObservation = findOption(options, OptionNumber.observe) !== undefined
    for (const dialect of this.#context.dialects) {
      const topic = isObservation ? dialect.readFilter(text, principal)?.filter : dialect.readTopic(text, principal)
      if (topic !== undefined) return topic
    }
    throw noSuchPath()
  }

  /** Throws `unsupported` as publishing it would. */
  #note(wording: Wording, request: Request, topic: string, lease: Lease): void {
    const { options, code } = request
    // What a GET says of a body that it has not is of no interest, and for a POST it may be.
    if (code === Code.get && findOption(options, OptionNumber.contentFormat) !== undefined) return
    const { contentType, properties } = toDraft(topic, request, noBytes, undefined)
    const accept = findUint(options, OptionNumber.accept)
    this.#context.recognition.note(wording, {
      ...{ topic, isPattern: isPattern(topic), lease },
      ...{ accept, contentType, properties },
    })
  }

  async #discover(request: Request, remote: Remote, query: Query): Promise<Response> {
    if (request.code !== Code.get) throw refusal('unsupported', 'only GET is possible here', Code.methodNotAllowed)
    const accept = findUint(request.options, OptionNumber.accept)
    const credential = toCredential(query)
    const lease = credential.kind === 'anonymous' ? undefined : await this.#lease(credential, remote)
    try {
      const content = discover(lease?.session, withoutCredential(query))
      const format = findUint(content.options, OptionNumber.contentFormat)
      if (accept !== undefined && accept !== format) throw notAcceptable()
      // Nobody's list is kept for him: it is made again for each block, and is the same as long as his rights are.
      const key = `down ${remote.key} ${lease?.key ?? ''} .well-known/core ${[...withoutCredential(query)].join('&')}`
      return this.#told(key, content, request, remote)
    } finally {
      lease?.release()
    }
  }

  /** A peer that may be slowed down for what another one did in its name is asked to show that it is there. */
  async #lease(credential: Credential, remote: Remote): Promise<Lease> {
    if (credential.kind === 'anonymous') {
      throw new ThingmeshError('unauthenticated', 'no key: add ?auth=<key>')
    }
    try {
      return await this.#context.sessions.lease(credential, remote)
    } catch (thrown) {
      const error = toThingmeshError(thrown)
      if (error.code !== 'rate-limited' || remote.isProved) throw error
      throw new ThingmeshError('unauthenticated', 'show that you are where you write from, by echo', {
        details: { echo: 1 },
      })
    }
  }

  async #use(call: Call): Promise<Response> {
    switch (call.request.code) {
      case Code.get:
        return this.#get(call)
      case Code.delete:
        return this.#clear(call)
      default:
        return this.#publish(call)
    }
  }

  async #publish({ request, remote, lease, topic, key }: Call): Promise<Response> {
    // Nothing is kept of a body that could not be published when it is whole.
    if (findOption(request.options, OptionNumber.block1) !== undefined) lease.session.checkPublish(topic)
    const uploaded = this.#context.uploads.take(uploadKey(request, remote, lease, topic), request)
    if ('answer' in uploaded) return uploaded.answer
    const draft = toDraft(topic, request, uploaded.body, key)
    await lease.session.publish(draft)?.committed
    return emptyResponse(Code.changed, uploaded.options)
  }

  async #clear({ request, lease, topic }: Call): Promise<Response> {
    await lease.session.publish(toClearing(topic, request))?.committed
    return emptyResponse(Code.deleted)
  }

  async #get(call: Call): Promise<Response> {
    const { request, remote, lease, topic } = call
    const block = wantedBlock(request)
    const key = downloadKey(remote, lease, topic)
    if (block !== undefined && block.number > 0) {
      const next = this.#context.downloads.next(key, fittingBlock(block, 0, remote)!)
      return next ?? this.#told(key, await this.#value(call), request, remote)
    }
    const observe = findUint(request.options, OptionNumber.observe)
    if (observe === Observe.register) return this.#observe(call)
    if (observe === Observe.deregister) this.#context.observers.deregister(remote, request.token)
    if (observe === Observe.deregister && isPattern(topic)) return emptyResponse(Code.content)
    const value = await this.#value(call)
    const known = request.options.some(
      ({ number, value: tag }) => number === OptionNumber.eTag && same(tag, value.eTag),
    )
    // RFC 7252, section 5.9.1.3: the peer has it.
    if (known)
      return emptyResponse(
        Code.valid,
        value.options.filter(({ number }) => isOfValid(number)),
      )
    return this.#told(key, value, request, remote)
  }

  async #observe(call: Call): Promise<Response> {
    const { request, remote, lease, credential, topic } = call
    const { token, confirmable } = request
    const transferKey = downloadKey(remote, lease, topic)
    // A copy: it is a part of a datagram.
    const sizeExponent = wantedBlock(request)?.sizeExponent
    const accept = findUint(request.options, OptionNumber.accept)
    const facts = { remote, token: token.slice(), filter: topic, confirmable, transferKey, sizeExponent, accept }
    const observer = await this.#context.observers.register(facts, credential)
    const { session } = observer
    try {
      const latest = observer.isPattern || session === undefined ? undefined : await lastOf(session, topic)
      const value = latest === undefined ? nothingYet : acceptable(toRepresentation(latest, Date.now()), request)
      const response = this.#told(transferKey, value, request, remote)
      return {
        ...response,
        options: withObserve(response.options, observer.takeSequence()),
        onSent: () => observer.begin(latest?.sequence ?? 0),
        onRefused: () => void observer.end('refused'),
      }
    } catch (error) {
      await observer.end('refused')
      throw error
    }
  }

  async #value({ request, lease, topic }: Call): Promise<Representation> {
    if (isPattern(topic)) throw new ThingmeshError('invalid-argument', 'a pattern can be observed, and not read')
    const latest = await lastOf(lease.session, topic)
    if (latest === undefined) throw new ThingmeshError('not-found', 'there is no last value')
    return acceptable(toRepresentation(latest, Date.now()), request)
  }

  #told(key: string, content: Pick<Representation, 'options' | 'payload'>, request: Request, remote: Remote): Response {
    const block = fittingBlock(wantedBlock(request), content.payload.length, remote)
    return this.#context.downloads.begin(key, content, block)
  }
}

const changed = emptyResponse(Code.changed)

/** What an observer is told where there is no value: that it observes. */
const nothingYet: Pick<Representation, 'options' | 'payload'> = { options: [], payload: noBytes }

async function lastOf(session: Session, topic: string): Promise<Message | undefined> {
  const atHand = session.latestAtHand(topic)
  if (atHand !== undefined) return atHand
  const [latest] = await session.latest(topic)
  return latest
}

function acceptable(value: Representation, { options }: Request): Representation {
  if (isAcceptable(value, findUint(options, OptionNumber.accept))) return value
  throw notAcceptable()
}

function noSuchPath(): ThingmeshError {
  return refusal('not-found', 'no such path', Code.notFound)
}

function notAcceptable(): ThingmeshError {
  return refusal('unsupported', 'there is nothing in the format that accept asks for', Code.notAcceptable)
}

function checkMethod({ code }: Request): void {
  if (code >= Code.get && code <= Code.delete) return
  throw refusal('unsupported', `method ${codeText(code)} is not possible here`, Code.methodNotAllowed)
}

function isPublish({ code }: Request): boolean {
  return code === Code.post || code === Code.put
}

function isForProxy({ options }: Request): boolean {
  return options.some(({ number }) => number === OptionNumber.proxyUri || number === OptionNumber.proxyScheme)
}

function isPattern(topic: string): boolean {
  return /[+#]/.test(topic)
}

/** What a 2.03 carries: the tag, and for how long (RFC 7252, section 5.9.1.3). */
function isOfValid(number: number): boolean {
  return number === OptionNumber.eTag || number === OptionNumber.maxAge
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** One body each way at a time, of one peer as one principal, to or from one resource. */
function uploadKey({ code }: Request, remote: Remote, lease: Lease, topic: string): string {
  return `up ${remote.key} ${lease.key} ${code} ${topic}`
}

function downloadKey(remote: Remote, lease: Lease, topic: string): string {
  return `down ${remote.key} ${lease.key} ${topic}`
}

function refusal(code: ErrorCode, text: string, coapCode: number): ThingmeshError {
  return new ThingmeshError(code, text, { details: { coapCode } })
}
