import { describe, expect, it } from 'vitest'
import { toPrintable } from '../../src/cli/terminal.ts'
import { call } from './fake-terminal.ts'

const token = { THINGMESH_TOKEN: 'tmt_x' }

describe('wrong usage exits with 2 and says what is right', () => {
  it.each([
    [[], /a command is missing[\s\S]*thingmesh serve/],
    [['frobnicate'], /^thingmesh: unknown command "frobnicate"; thingmesh --help lists them all\n$/],
    [
      ['thing', 'list'],
      /^thingmesh: unknown command "thing list", the nearest is "things list"; thingmesh --help lists/,
    ],
    [['srve', '--mqtt', '0'], /unknown command "srve", the nearest is "serve"; thingmesh --help lists them all\n$/],
    [
      ['things', 'frobnicate'],
      /^thingmesh: unknown command "things frobnicate"; thingmesh things --help lists those of things\n$/,
    ],
    [
      ['things', 'crate', 'a'],
      /unknown command "things crate", the nearest is "things create"; thingmesh things --help/,
    ],
    [['things'], /unknown command "things"; thingmesh things --help lists those of things\n$/],
    [['a\u001b[2J', 'x'.repeat(99)], /unknown command "a\\u001b\[2J x{10,40}…"; /],
    [['things', 'list', '--frob'], /--frob[\s\S]*usage:/],
    [['things', 'get'], /too few words/],
    [['things', 'get', 'a', 'b'], /too many words/],
    [['serve', '--frob'], /--frob[\s\S]*thingmesh serve/],
    [['serve', '--mqtt', '65536'], /--mqtt must be a whole number from 0 to 65535/],
    [['serve', '--mqtt', '1e3'], /--mqtt must be a whole number/],
    [['serve', '--coap-tcp', '65536'], /--coap-tcp must be a whole number from 0 to 65535/],
    [['serve', '--durability', 'quorum'], /--durability must be one of memory, process, disk/],
    [['serve', '--limits', 'none'], /--limits must be one of safe, spec/],
    [['serve', '--open', '--host', '0.0.0.0'], /--open lets anybody in.*--open-anywhere/],
    [['serve', '--open', '--host', 'hub.example.com'], /--open lets anybody in/],
    [['serve', '--open', '--host', '::ffff:10.0.0.1'], /--open lets anybody in/],
    // Past the question of the host, without listening there.
    [['serve', '--open-anywhere', '--host', '0.0.0.0', '--mqtt', '65536'], /--mqtt must be a whole number/],
    [['serve', '--open', '--host', '127.1.2.3', '--mqtt', '65536'], /--mqtt must be a whole number/],
    [['serve', '--open', '--host', '::1', '--mqtt', '65536'], /--mqtt must be a whole number/],
    [['serve', 'now'], /too many words/],
    [['serve', '--coap', '5683', '--coap', '5684'], /--coap is given twice[\s\S]*thingmesh serve/],
    [['things', 'list', '--json', '--json'], /--json is given twice/],
    // Several are several.
    [['things', 'create', 'a', '--tag', 'x', '--tag', 'y', '--metadata', '[1]'], /--metadata must be a JSON object/],
    [['things', 'create', 'a', '--metadata', '[1]'], /--metadata must be a JSON object/],
    [['channels', 'create', 'a', '--record', 'some'], /--record must be one of all, acked, none/],
    [['grants', 'create', 'a', 'b'], /--actions is needed/],
    [
      ['grants', 'create', 'a', 'b', '--actions', 'publish,fly'],
      /--actions must be one of publish, subscribe, read: found fly\n/,
    ],
    [['grants', 'create', 'a', 'b', '--actions', 'command'], /one of publish, subscribe, read: found command\n/],
    [['tokens', 'create', 'a'], /--scope is needed/],
    [['tokens', 'create', 'a', '--scope', 'channels:a,'], /--scope is needed/],
    [['read', 'a/#', '--last', '1', '--limit', '1'], /exclude each other/],
    [['read', 'a/#', '--from', 'yesterday'], /--from must be a time/],
    [['sub', 'a/#', '--count', '0'], /--count must be a whole number from 1/],
    [['things', 'list', '--url', 'mqtt://localhost'], /http:\/\/ or https:\/\//],
    [['things', 'list', '--url', 'nowhere'], /thingmesh: /],
    [['things', 'list', '--token', 'a', '--token-file', 'b'], /both --token-file and --token/],
    [['things', 'list', '--token-file', '/nonexistent/token'], /cannot read \/nonexistent\/token \(ENOENT\)/],
  ])('%j', async (words, said) => {
    const { code, out, err } = await call(words, { env: token })
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(said)
  })

  it('asks for a credential where there is none, and names where it may come from', async () => {
    const listing = await call(['things', 'list'])
    expect(listing).toMatchObject({ code: 2, err: expect.stringMatching(/--token-file FILE, or set THINGMESH_TOKEN/) })
    const reading = await call(['read', 'a/#'])
    expect(reading).toMatchObject({ code: 2, err: expect.stringMatching(/THINGMESH_KEY/) })
  })
})

describe('help', () => {
  it.each([
    [['--help'], ['serve', 'things create', 'pub', 'exit codes', 'every user of this machine']],
    [['help'], ['serve', 'things create', 'pub']],
    [
      ['things', '--help'],
      ['things create', 'things rm'],
    ],
    [['pub', '-h'], ['thingmesh pub TOPIC']],
    [['serve', '--help'], ['--admin-token-file']],
  ])('%j exits with 0', async (words, parts) => {
    const { code, out, err } = await call(words)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const part of parts) expect(out).toContain(part)
  })

  it('is about what was asked only', async () => {
    expect((await call(['things', '--help'])).out).not.toContain('thingmesh channels')
    expect((await call(['serve', '--help'])).out).not.toContain('THINGMESH_URL')
  })

  it('tells the version', async () => {
    expect(await call(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })
})

describe('failures', () => {
  it('exits with 1 and names the code where nobody listens', async () => {
    // Port 2 is nobody's; one that was free a moment ago might not be any more.
    const { code, err } = await call(['things', 'list', '--url', 'http://127.0.0.1:2'], { env: token })
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^thingmesh: unavailable: http:\/\/127\.0\.0\.1:2: .*ECONNREFUSED/),
    })
    expect(err).not.toContain('tmt_x')
  })
})

it('makes visible what a terminal would obey', () => {
  expect(toPrintable('a\u001b[2Jb\nc\rd\te\u009bf\u202eg ö 😀')).toBe('a\\u001b[2Jb\\nc\\rd\\te\\u009bf\\u202eg ö 😀')
})
