import type { Key, NewKey } from '@thingmesh/core'
import type { Call, Command } from './command.ts'
import { connectionFlags, withAdmin } from './connection.ts'
import { printItem, printItems, toTime } from './output.ts'
import { given, integerOf, textOf } from './values.ts'

export const keyCommands: readonly Command[] = [
  {
    name: 'keys create',
    synopsis: 'THING [--expires-in SECONDS] [--public-key KEY]',
    summary:
      'a further key of a thing, of at most two; prints it this once, or registers a public one (Ed25519, base64url)',
    words: [1, 1],
    flags: { ...connectionFlags, 'expires-in': { type: 'string' }, 'public-key': { type: 'string' } },
    run: call =>
      withAdmin(call, async admin => {
        const expiresInSeconds = integerOf(call.values, 'expires-in', 1, Number.MAX_SAFE_INTEGER)
        const [thing = ''] = call.words
        const publicKey = textOf(call.values, 'public-key')
        const options = given({ expiresInSeconds })
        if (publicKey === undefined) await printKey(call, await admin.keys.create(thing, options))
        else await printPublicKey(call, await admin.keys.register(thing, { ...options, publicKey }))
      }),
  },
  {
    name: 'keys rotate',
    synopsis: 'THING [--grace SECONDS]',
    summary: 'a new key of a thing; the ones before it end after the grace, at once by default',
    words: [1, 1],
    flags: { ...connectionFlags, grace: { type: 'string' } },
    run: call =>
      withAdmin(call, async admin => {
        const graceSeconds = integerOf(call.values, 'grace', 0, Number.MAX_SAFE_INTEGER)
        await printKey(call, await admin.keys.rotate(call.words[0]!, given({ graceSeconds })))
      }),
  },
  {
    name: 'keys list',
    synopsis: 'THING',
    summary: 'list the keys of a thing, without their secrets',
    words: [1, 1],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin =>
        printItems(call, await admin.keys.list(call.words[0]!), {
          ID: key => key.id,
          KIND: key => key.kind,
          CREATED: key => toTime(key.createdAtMs),
          EXPIRES: key => (key.expiresAtMs === undefined ? 'never' : toTime(key.expiresAtMs)),
        }),
      ),
  },
  {
    name: 'keys rm',
    synopsis: 'THING KEY',
    summary: 'revoke a key, by id; what is connected with it is cut',
    words: [2, 2],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin => {
        await admin.keys.revoke(call.words[0]!, call.words[1]!)
        await printItem(call, { removed: call.words[1]! }, [])
      }),
  },
]

function printPublicKey(call: Call, key: Key): Promise<void> {
  return printItem(call, key, [`public key registered, id ${key.id}`])
}

function printKey(call: Call, key: NewKey): Promise<void> {
  return printItem(call, key, [`key made, id ${key.id}`, `key, shown this once: ${key.secret}`])
}
