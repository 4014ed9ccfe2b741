import type { NewKey } from '@thingmesh/core'
import type { Call, Command } from './command.ts'
import { connectionFlags, withAdmin } from './connection.ts'
import { printItem, printItems, toTime } from './output.ts'
import { given, integerOf } from './values.ts'

export const keyCommands: readonly Command[] = [
  {
    name: 'keys create',
    synopsis: 'THING [--expires-in SECONDS]',
    summary: 'a further key of a thing, of at most two; prints it this once',
    words: [1, 1],
    flags: { ...connectionFlags, 'expires-in': { type: 'string' } },
    run: call =>
      withAdmin(call, async admin => {
        const expiresInSeconds = integerOf(call.values, 'expires-in', 1, Number.MAX_SAFE_INTEGER)
        await printKey(call, await admin.keys.create(call.words[0]!, given({ expiresInSeconds })))
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

function printKey(call: Call, key: NewKey): Promise<void> {
  return printItem(call, key, [`key made, id ${key.id}`, `key, shown this once: ${key.secret}`])
}
