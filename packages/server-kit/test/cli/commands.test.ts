import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Child, ready, start } from './child.ts'
import { type CallOptions, call, type Outcome } from './fake-terminal.ts'

let hub: Child
let env: Record<string, string> = {}

beforeAll(async () => {
  hub = start(['serve', '--durability', 'memory', '--mqtt', '0', '--http', '0', '--coap', '0', '--json'])
  const { http, adminToken } = await ready(hub)
  env = { THINGMESH_URL: `http://127.0.0.1:${http.port}`, THINGMESH_TOKEN: adminToken ?? '' }
})
afterAll(() => hub[Symbol.asyncDispose]())

function admin(words: readonly string[], options: CallOptions = {}): Promise<Outcome> {
  return call(words, { ...options, env: { ...env, ...options.env } })
}

async function done(words: readonly string[], options: CallOptions = {}): Promise<Outcome> {
  const outcome = await admin(words, options)
  expect(outcome).toMatchObject({ code: 0, err: '' })
  return outcome
}

describe('the registry on the command line', () => {
  it('makes, lists, shows and removes things and channels', async () => {
    const made = await done([
      'things',
      'create',
      'sensor-1',
      '--tag',
      'a',
      '--tag',
      'b',
      '--metadata',
      '{"floor":3}',
      '--json',
    ])
    expect(made.json).toMatchObject([
      {
        name: 'sensor-1',
        tags: ['a', 'b'],
        metadata: { floor: 3 },
        enabled: true,
        key: { secret: expect.stringMatching(/^tmk_/) },
      },
    ])
    expect(made.json[0]).toHaveProperty('createdAt')
    const said = (await done(['things', 'create', 'sensor-2', '--disabled'])).out
    expect(said).toMatch(/^thing sensor-2 made, id [0-9a-f]{32}\nkey, shown this once: tmk_\S+\n$/)
    expect((await done(['things', 'list', '--name', 'sensor-', '--json'])).json.map(thing => thing.name)).toEqual([
      'sensor-1',
      'sensor-2',
    ])
    expect((await done(['things', 'list', '--tag', 'a', '--json'])).json).toHaveLength(1)
    expect((await done(['things', 'list'])).out).toMatch(
      /^NAME +ID +ENABLED +TAGS +CREATED\nsensor-1 +\S+ +true +a,b +/,
    )
    expect((await done(['things', 'get', 'sensor-2'])).out).toMatch(/^enabled +false$/m)
    await done(['things', 'rm', 'sensor-2'])
    expect(await admin(['things', 'get', 'sensor-2'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^thingmesh: not-found: /),
    })
    await done(['channels', 'create', 'kept', '--record', 'acked', '--max-age', '60', '--max-bytes', '1000000'])
    expect((await done(['channels', 'get', 'kept', '--json'])).json).toMatchObject([
      { name: 'kept', record: 'acked', retention: { maxAgeSeconds: 60, bytesMax: 1_000_000 } },
    ])
    expect((await done(['channels', 'list', '--json'])).json.map(channel => channel.name)).toContain('kept')
    expect(await admin(['channels', 'create', 'kept'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^thingmesh: conflict: /),
    })
    expect((await done(['channels', 'rm', 'kept', '--json'])).json).toEqual([{ removed: 'kept' }])
  })

  it('goes through more pages than one', async () => {
    for (let i = 0; i < 105; i++) await done(['channels', 'create', `many-${i}`])
    expect((await done(['channels', 'list', '--name', 'many-', '--json'])).json).toHaveLength(105)
  })

  it('gives and takes grants, keys and tokens', async () => {
    await done(['channels', 'create', 'doors'])
    const [thing] = (await done(['things', 'create', 'lock', '--json'])).json
    const [grant] = (await done(['grants', 'create', 'lock', 'doors', '--actions', 'publish,read', '--json'])).json
    expect(grant).toMatchObject({ thing: thing?.id, actions: ['publish', 'read'], pattern: '#' })
    expect((await done(['grants', 'list', '--thing', 'lock'])).out).toContain('publish,read')
    expect((await done(['grants', 'get', String(grant?.id), '--json'])).json).toEqual([grant])
    await done(['grants', 'rm', String(grant?.id)])
    expect((await done(['grants', 'list', '--channel', 'doors', '--json'])).json).toEqual([])

    const [key] = (await done(['keys', 'create', 'lock', '--expires-in', '3600', '--json'])).json
    expect(key).toMatchObject({ secret: expect.stringMatching(/^tmk_/), expiresAt: expect.any(String) })
    expect(await admin(['keys', 'create', 'lock'])).toMatchObject({ code: 1, err: expect.stringContaining('conflict') })
    expect((await done(['keys', 'list', 'lock', '--json'])).json).toHaveLength(2)
    await done(['keys', 'rm', 'lock', String(key?.id)])
    const publicKey = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    const [registered] = (await done(['keys', 'create', 'lock', '--public-key', publicKey, '--json'])).json
    expect(registered).toMatchObject({ kind: 'public-key', publicKey })
    expect(registered).not.toHaveProperty('secret')
    expect((await done(['keys', 'list', 'lock'])).out).toMatch(/^[0-9a-f]{32} +public-key /m)
    expect(await admin(['keys', 'create', 'lock', '--public-key', 'x'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^thingmesh: invalid-argument: /),
    })
    await done(['keys', 'rm', 'lock', String(registered?.id)])
    const [rotated] = (await done(['keys', 'rotate', 'lock', '--json'])).json
    expect((await done(['keys', 'list', 'lock', '--json'])).json.map(one => one.id)).toEqual([rotated?.id])

    const made = await done(['tokens', 'create', 'viewer', '--scope', 'read', '--expires-in', '60', '--json'])
    const viewer = { THINGMESH_TOKEN: String(made.json[0]?.secret) }
    await done(['things', 'list'], { env: viewer })
    expect(await admin(['things', 'create', 'x'], { env: viewer })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^thingmesh: permission-denied: /),
    })
    const id = String(made.json[0]?.id)
    expect((await done(['tokens', 'get', id])).out).toMatch(/^scope +read$/m)
    expect((await done(['tokens', 'list', '--json'])).json.map(token => token.name)).toContain('viewer')
    await done(['tokens', 'rm', id])
    expect(await admin(['things', 'list'], { env: viewer })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^thingmesh: unauthenticated: /),
    })
  })
})

describe('messages on the command line', () => {
  async function device(name: string, channel: string, actions: string): Promise<Record<string, string>> {
    await done(['channels', 'create', channel])
    const [thing] = (await done(['things', 'create', name, '--json'])).json
    await done(['grants', 'create', name, channel, '--actions', actions])
    return { THINGMESH_TOKEN: '', THINGMESH_KEY: (thing as { key: { secret: string } } | undefined)?.key.secret ?? '' }
  }

  it('publishes as a thing from a word and from stdin, and reads it back', async () => {
    const thing = await device('publisher', 'readings', 'publish,read')
    const [sent] = (await done(['pub', 'readings/a', '{"t":21.5}', '--json'], { env: thing })).json
    await done(['pub', 'readings/b', '-'], { env: thing, stdin: 'plain\ntext' })
    await done(['pub', 'readings/c'], { env: thing, stdin: '\u001b[2J' })
    expect((await done(['read', 'readings/#'], { env: thing })).out).toBe(
      'readings/a {"t":21.5}\nreadings/b plain\\ntext\nreadings/c \\u001b[2J\n',
    )
    const { json } = await done(['read', 'readings/#', '--json'], { env: thing })
    expect(json[0]).toMatchObject({
      id: sent?.id,
      topic: 'readings/a',
      protocol: 'http',
      encoding: 'json',
      payload: { t: 21.5 },
      acceptedAt: expect.stringMatching(/Z$/),
    })
    expect((await done(['read', 'readings/#', '--last', '1'], { env: thing })).out).toMatch(/^readings\/c /)
    expect((await done(['read', 'readings/#', '--limit', '2'], { env: thing })).out.split('\n')).toHaveLength(3)
    const after = String(json[1]?.cursor)
    expect((await done(['read', 'readings/#', '--after', after], { env: thing })).out).toMatch(/^readings\/c /)
    expect((await done(['read', 'readings/#', '--to', '2020-01-01'], { env: thing })).out).toBe('')
    expect(await admin(['pub', 'elsewhere', 'x'], { env: thing })).toMatchObject({ code: 1 })
  })

  it('follows from now on', async () => {
    await device('late', 'news', 'publish')
    await done(['pub', 'news', '0'])
    let heard = false
    const following = done(['sub', 'news/#', '--count', '1']).then(outcome => {
      heard = true
      return outcome
    })
    let published = 0
    // When it begins to listen is its own affair: it hears the next one, whichever that is.
    while (!heard) await done(['pub', 'news', String(++published)])
    const [, n] = /^news (\d+)\n$/.exec((await following).out) ?? []
    expect(Number(n)).toBeGreaterThanOrEqual(1)
    expect(Number(n)).toBeLessThanOrEqual(published)
  })

  it('follows from a cursor until it has as many as it was asked for', async () => {
    await device('speaker', 'talk', 'publish')
    await done(['pub', 'talk/before', 'x'])
    const [before] = (await done(['read', 'talk/#', '--json'])).json
    // From a cursor, so that nothing depends on who is first.
    const following = done(['sub', 'talk/#', '--count', '2', '--after', String(before?.cursor)])
    await done(['pub', 'talk/one', '1'])
    await done(['pub', 'talk/two', '"2"'])
    expect((await following).out).toBe('talk/one 1\ntalk/two "2"\n')
  })

  it('stops following at a signal, with 0', async () => {
    await device('listener', 'silence', 'publish')
    await done(['pub', 'silence', 'x'])
    const stopped = await done(['sub', 'silence/#', '--after', '0'], { onOut: (_text, signal) => signal() })
    expect(stopped.out).toBe('silence x\n')
  })

  it('says why it may not follow', async () => {
    const thing = await device('mute', 'secrets', 'publish')
    expect(await admin(['sub', 'secrets/#'], { env: thing })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^thingmesh: permission-denied: /),
    })
  })
})
