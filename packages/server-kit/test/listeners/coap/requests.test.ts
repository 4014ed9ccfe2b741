import { type CoapOption, Code, OptionNumber, stringOption, uintOption } from '@thingmesh/core/coap'
import { describe, expect, it } from 'vitest'
import { textOf as messageText, take } from '../../support/hub.ts'
import { startSite } from './fixture.ts'
import { eTagOf, textOf, uintOf } from './peer.ts'

const { contentFormat, maxAge, accept, eTag } = OptionNumber

describe('publishing', () => {
  it('POST is a message, 2.04 once it is stored, whatever the path is written like', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    const witness = await site.witness(sensor)
    const options = [uintOption(contentFormat, 50), uintOption(maxAge, 60)]
    for (const path of ['/c/telemetry/room1/heat', '/channels/telemetry/messages/room1/heat']) {
      const response = await peer.ask({ code: Code.post, path, payload: '{"t":21.5}', options })
      expect(response).toMatchObject({ type: 'acknowledgement', code: Code.changed, payload: new Uint8Array(0) })
    }
    for (const message of await take(witness, 2)) {
      expect(message).toMatchObject({
        topic: 'telemetry/room1/heat',
        contentType: 'application/json',
        delivery: 'at-least-once',
        retain: false,
        protocol: 'coap',
        properties: { expiresInSeconds: 60 },
      })
      expect(messageText(message)).toBe('{"t":21.5}')
    }
  })

  it('what is not confirmable is at-most-once, and answered by what is not confirmable', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    const witness = await site.witness(sensor)
    const asked = { type: 'non-confirmable', code: Code.post, path: '/c/telemetry', payload: 'x' } as const
    expect(await peer.ask(asked)).toMatchObject({ type: 'non-confirmable', code: Code.changed })
    peer.tell({ ...asked, payload: 'y', options: [uintOption(OptionNumber.noResponse, 26)] })
    const messages = await take(witness, 2)
    expect(messages.map(messageText)).toEqual(['x', 'y'])
    expect(messages.map(({ delivery }) => delivery)).toEqual(['at-most-once', 'at-most-once'])
    await peer.settled()
    expect(peer.inbox).toEqual([])
  })

  it('PUT sets the last value, GET reads it, DELETE clears it', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    const path = '/c/telemetry/a'
    expect(await peer.codeOf({ path })).toBe('4.04')
    expect(await peer.codeOf({ code: Code.post, path, payload: 'passing' })).toBe('2.04')
    expect(await peer.codeOf({ path })).toBe('4.04')
    const options = [uintOption(contentFormat, 0)]
    expect(await peer.codeOf({ code: Code.put, path, payload: '21.5', options })).toBe('2.04')
    const value = await peer.ask({ path })
    expect([textOf(value), uintOf(value, contentFormat), uintOf(value, maxAge)]).toEqual(['21.5', 0, undefined])
    expect(await peer.codeOf({ code: Code.delete, path })).toBe('2.02')
    expect(await peer.codeOf({ path })).toBe('4.04')
  })

  it('an unknown Content-Format is refused, and none says nothing of the payload', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    const refused = await peer.ask({
      code: Code.post,
      path: '/c/telemetry',
      options: [uintOption(contentFormat, 65_000)],
    })
    expect([refused.code, textOf(refused)]).toEqual([
      Code.unsupportedContentFormat,
      'content-format 65000 is not in the registry that this hub has',
    ])
    await peer.ask({ code: Code.put, path: '/c/telemetry', payload: 'x' })
    const value = await peer.ask({ path: '/c/telemetry' })
    expect(uintOf(value, contentFormat)).toBeUndefined()
  })
})

describe('an idempotency key', () => {
  const keyed = (key: string, auth: string) => ({ query: [`auth=${auth}`, `idempotency-key=${key}`] })

  it('stores once what comes again under it, from whatever address', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const witness = await site.witness(sensor)
    for (const peer of [await site.peer(sensor), await site.peer(sensor)]) {
      for (const code of [Code.post, Code.put, Code.post]) {
        const asked = { code, path: '/c/telemetry', payload: 'once', ...keyed('k.1', sensor.key) }
        expect(await peer.codeOf(asked)).toBe('2.04')
      }
    }
    const peer = await site.peer(sensor)
    await peer.ask({ code: Code.post, path: '/c/telemetry', payload: 'another', ...keyed('k.2', sensor.key) })
    expect((await take(witness, 2)).map(messageText)).toEqual(['once', 'another'])
  })

  it('is for what is published, and of 1 to 64 characters', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    const path = '/c/telemetry'
    for (const code of [Code.get, Code.delete]) {
      const refused = await peer.ask({ code, path, ...keyed('k', sensor.key) })
      expect([refused.code, textOf(refused)]).toEqual([Code.badRequest, expect.stringContaining('idempotency-key')])
    }
    for (const key of ['', 'k'.repeat(65), 'ä']) {
      expect(await peer.codeOf({ code: Code.post, path, ...keyed(key, sensor.key) })).toBe('4.00')
    }
  })
})

describe('reading', () => {
  it('says for how long the value is good, as what, and tells by its ETag whether it is the one that was read', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    const put = (payload: string) =>
      peer.ask({ code: Code.put, path: '/c/telemetry', payload, options: [uintOption(maxAge, 600)] })
    await put('one')
    const one = await peer.ask({ path: '/c/telemetry' })
    expect(uintOf(one, maxAge)).toBeGreaterThan(595)
    const tag = (value: Uint8Array | undefined): CoapOption => ({ number: eTag, value: value! })
    const options = [tag(Uint8Array.of(1)), tag(eTagOf(one))]
    const valid = await peer.ask({ path: '/c/telemetry', options })
    expect(valid).toMatchObject({ code: Code.valid, payload: new Uint8Array(0) })
    expect(eTagOf(valid)).toEqual(eTagOf(one))
    await put('two')
    const two = await peer.ask({ path: '/c/telemetry', options })
    expect([textOf(two), Buffer.from(eTagOf(two)!).equals(eTagOf(one)!)]).toEqual(['two', false])
  })

  it('gives what Accept asks for, or 4.06', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    await peer.ask({
      code: Code.put,
      path: '/c/telemetry/json',
      payload: '1',
      options: [uintOption(contentFormat, 50)],
    })
    await peer.ask({ code: Code.put, path: '/c/telemetry/bytes', payload: '1' })
    const codeOf = (path: string, format: number) => peer.codeOf({ path, options: [uintOption(accept, format)] })
    expect(await codeOf('/c/telemetry/json', 50)).toBe('2.05')
    expect(await codeOf('/c/telemetry/json', 60)).toBe('4.06')
    expect(await codeOf('/c/telemetry/bytes', 42)).toBe('2.05')
    expect(await codeOf('/c/telemetry/bytes', 50)).toBe('4.06')
  })
})

describe('who asks', () => {
  it('shows a key as auth, or a name and a key as u and p', async () => {
    const site = await startSite()
    const { name, key } = await site.thing('sensor')
    const peer = await site.peer()
    const codeOf = (...query: string[]) => peer.codeOf({ code: Code.post, path: '/c/telemetry', query })
    expect(await codeOf(`auth=${key}`)).toBe('2.04')
    expect(await codeOf(`auth=${key}`, `u=${name}`)).toBe('2.04')
    expect(await codeOf(`u=${name}`, `p=${key}`)).toBe('2.04')
    expect(await codeOf(`u=other`, `p=${key}`)).toBe('4.01')
    expect(await codeOf()).toBe('4.01')
    expect(await codeOf('auth=wrong')).toBe('4.01')
    expect(await codeOf('auth=')).toBe('4.00')
    expect(await codeOf(`p=${key}`)).toBe('4.00')
    expect(await codeOf(`auth=${key}`, `auth=${key}`)).toBe('4.00')
    expect(await codeOf(`auth=${key}`, 'u=sensor', `p=${key}`)).toBe('4.00')
    expect(await codeOf(`auth=${key}`, 'qos=1')).toBe('4.00')
    expect(site.faults).toEqual([])
  })

  it('is told what is wrong, without a word of what he showed', async () => {
    const site = await startSite()
    const { key } = await site.thing('sensor')
    const peer = await site.peer()
    for (const query of [[], [`${key}=auth`], [`auth=${key}x`], [`auth=${key}`, `${key}`]]) {
      const response = await peer.ask({ path: '/c/telemetry', query })
      expect(textOf(response)).not.toBe('')
      expect(textOf(response)).not.toContain(key)
    }
  })

  it('may do what his grants say', async () => {
    const site = await startSite()
    const writer = await site.peer(await site.thing('writer', ['publish'], 'own/#'))
    const reader = await site.peer(await site.thing('reader', ['read']))
    const value = { code: Code.put, path: '/c/telemetry/own/a', payload: 'x' }
    expect(await writer.codeOf(value)).toBe('2.04')
    expect(await writer.codeOf({ ...value, path: '/c/telemetry/other' })).toBe('4.03')
    expect(await writer.codeOf({ path: value.path })).toBe('4.03')
    expect(await reader.codeOf({ path: value.path })).toBe('2.05')
    expect(await reader.codeOf(value)).toBe('4.03')
    expect(await reader.codeOf({ code: Code.delete, path: value.path })).toBe('4.03')
    expect(await reader.codeOf({ code: Code.post, path: '/c/nothing' })).toBe('4.03')
  })

  it('loses what is taken from him at once', async () => {
    const site = await startSite()
    const peer = await site.peer(await site.thing('sensor'))
    const post = { code: Code.post, path: '/c/telemetry', payload: 'x' }
    expect(await peer.codeOf(post)).toBe('2.04')
    const [key] = await site.hub.control.keys.list('sensor')
    await site.hub.control.keys.revoke('sensor', key!.id)
    expect(await peer.codeOf(post)).toBe('4.01')
  })

  it('is slowed down where he guesses; who shows that he is at his address is not slowed down for others', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const there = await site.peer(sensor)
    await there.ask({ code: Code.put, path: '/c/telemetry', payload: 'x'.repeat(500) })
    await there.prove('/c/telemetry')
    const forger = await site.peer()
    const guess = { path: '/c/telemetry', query: ['auth=wrong', 'u=sensor'] }
    for (let i = 0; i < 10; i++) expect(await forger.codeOf(guess)).toBe('4.01')
    const challenged = await forger.ask(guess)
    expect(challenged.code).toBe(Code.unauthorized)
    const value = challenged.options.find(({ number }) => number === OptionNumber.echo)!
    // Its address is its own: its failures count for it.
    for (let i = 0; i < 10; i++) expect(await forger.codeOf({ ...guess, options: [value] })).toBe('4.01')
    const slowed = await forger.ask(guess)
    expect(slowed.code).toBe(Code.tooManyRequests)
    expect(uintOf(slowed, maxAge)).toBeGreaterThan(0)
    expect(await there.codeOf({ code: Code.post, path: '/c/telemetry' })).toBe('2.04')
    expect(site.counter('refused_total', { limit: 'authentication' })).toBe(20)
  })

  it('has one session for his requests, and none when he is gone for a while', async () => {
    const site = await startSite({ listener: { sessionsMax: 1 } })
    const [a, b] = [await site.peer(await site.thing('a')), await site.peer(await site.thing('b'))]
    const post = { code: Code.post, path: '/c/telemetry' }
    for (const peer of [a, a, b, a]) expect(await peer.codeOf(post)).toBe('2.04')
    expect(site.counter('coap_forgotten_total', { limit: 'sessions' })).toBe(2)
  })
})

describe('refusals', () => {
  const critical = (number: number): CoapOption => ({ number, value: new Uint8Array(0) })

  it('of options: critical ones that are not known are 4.02, elective ones nothing, and for a proxy it is 5.05', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    const path = '/c/telemetry'
    const codeOf = (...options: CoapOption[]) => peer.codeOf({ code: Code.post, path, options })
    expect(await codeOf(critical(2_049))).toBe('4.02')
    expect(await codeOf(critical(OptionNumber.ifNoneMatch))).toBe('4.02')
    expect(await codeOf(critical(OptionNumber.oscore))).toBe('4.02')
    const twice = await peer.ask({ code: Code.post, path, options: [uintOption(accept, 0), uintOption(accept, 0)] })
    expect([twice.code, textOf(twice)]).toEqual([
      Code.badOption,
      'option 17 is critical, and repeated or of a length that it cannot have',
    ])
    expect(await codeOf({ number: accept, value: new Uint8Array(3) })).toBe('4.02')
    expect(await codeOf(critical(2_048))).toBe('2.04')
    expect(await codeOf(stringOption(OptionNumber.uriHost, 'elsewhere'), uintOption(OptionNumber.uriPort, 1))).toBe(
      '2.04',
    )
    expect(await codeOf(stringOption(OptionNumber.proxyUri, 'coap://a/'))).toBe('5.05')
    expect(await codeOf(stringOption(OptionNumber.proxyScheme, 'http'))).toBe('5.05')
    peer.tell({ type: 'non-confirmable', code: Code.post, path, options: [critical(2_049)] })
    await peer.settled()
    expect(peer.inbox).toEqual([])
  })

  it.each([
    ['/', '4.04'],
    ['/c', '4.04'],
    ['/channels/telemetry', '4.04'],
    ['/.well-known', '4.04'],
    ['/c/nothing', '4.03'],
    ['/c/telemetry/', '4.04'],
    ['/c/telemetry/+', '4.00'],
    ['/c/telemetry/#', '4.00'],
    ['/c/$SYS/a', '4.00'],
    [`/c/telemetry/${'x'.repeat(250)}`, '4.00'],
    [`/c/telemetry${'/a'.repeat(16)}`, '4.00'],
    ['/c/telemetry/\u0001', '4.00'],
    ['/c/__proto__', '4.03'],
  ])('of a GET of %j: %s', async (path, code) => {
    const site = await startSite()
    const peer = await site.peer(await site.thing('sensor'))
    expect(await peer.codeOf({ path })).toBe(code)
  })

  it('of a segment with a slash in it, and of text that is not UTF-8', async () => {
    const site = await startSite()
    const peer = await site.peer(await site.thing('sensor'))
    const segment = (value: Uint8Array): CoapOption => ({ number: OptionNumber.uriPath, value })
    const slash = [stringOption(OptionNumber.uriPath, 'a/b')]
    expect(await peer.codeOf({ code: Code.post, path: '/c/telemetry', options: slash })).toBe('4.00')
    const broken = [segment(Uint8Array.of(0xc3, 0x28))]
    expect(await peer.codeOf({ code: Code.post, path: '/c/telemetry', options: broken })).toBe('4.00')
  })

  it.each([Code.fetch, Code.patch, Code.ipatch, 0x1f])('of method %i: 4.05', async code => {
    const site = await startSite()
    const peer = await site.peer(await site.thing('sensor'))
    expect(await peer.codeOf({ code, path: '/c/telemetry' })).toBe('4.05')
    expect(await peer.codeOf({ code, path: '/.well-known/core' })).toBe('4.05')
  })

  it('of a payload or a last value beyond what the hub takes: 4.13', async () => {
    const site = await startSite({ limits: { payloadBytesMax: 100, retainedBytesMax: 50 } })
    const peer = await site.peer(await site.thing('sensor'))
    expect(await peer.codeOf({ code: Code.post, path: '/c/telemetry', payload: 'x'.repeat(101) })).toBe('4.13')
    expect(await peer.codeOf({ code: Code.post, path: '/c/telemetry', payload: 'x'.repeat(51) })).toBe('2.04')
  })
})

describe('/.well-known/core', () => {
  it('lists what the asker may use, and for who shows no key nothing but itself', async () => {
    const site = await startSite()
    await site.hub.control.channels.create({ name: 'a b' })
    const { key } = await site.hub.control.things.create({ name: 'sensor' })
    await site.hub.control.grants.create({ thing: 'sensor', channel: 'a b', actions: ['publish'], pattern: 'own/#' })
    await site.hub.control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['subscribe', 'read'] })
    await site.hub.control.channels.create({ name: 'not-for-it' })
    const peer = await site.peer()
    const list = async (...query: string[]) => {
      const response = await peer.ask({ path: '/.well-known/core', query })
      expect([response.code, uintOf(response, contentFormat)]).toEqual([Code.content, 40])
      return textOf(response)
    }
    const itself = '</.well-known/core>;ct=40'
    expect(await list()).toBe(itself)
    const own = [
      '</c/telemetry>;rt="thingmesh.channel";if="thingmesh.subscribe thingmesh.read";obs',
      '</c/a%20b>;rt="thingmesh.channel";if="thingmesh.publish"',
    ]
    expect(await list(`auth=${key.secret}`)).toBe([itself, ...own].join(','))
    expect(await list(`auth=${key.secret}`, 'rt=thingmesh.channel')).toBe(own.join(','))
    expect(await list(`auth=${key.secret}`, 'href=/c/t*')).toBe(own[0])
    expect(await list(`auth=${key.secret}`, 'if=thingmesh.publish')).toBe(own[1])
    expect(await list('rt=other')).toBe('')
    expect(await peer.codeOf({ path: '/.well-known/core', query: ['auth=wrong'] })).toBe('4.01')
  })

  it('is told in blocks where it is long', async () => {
    const site = await startSite()
    const { key } = await site.hub.control.things.create({ name: 'sensor' })
    for (let i = 0; i < 40; i++) {
      await site.hub.control.channels.create({ name: `channel-${i}` })
      await site.hub.control.grants.create({ thing: 'sensor', channel: `channel-${i}`, actions: ['publish'] })
    }
    const peer = await site.peer({ name: 'sensor', key: key.secret })
    await peer.prove('/.well-known/core')
    let text = ''
    for (let number = 0; ; number++) {
      const options = [uintOption(OptionNumber.block2, number * 16 + 6)]
      const response = await peer.ask({ path: '/.well-known/core', options })
      text += textOf(response)
      if ((uintOf(response, OptionNumber.block2)! & 8) === 0) break
    }
    expect(text.split(',').length).toBe(41)
  })
})
