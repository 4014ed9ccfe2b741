import type { Action } from '@thingmesh/core'
import type { Command } from './command.ts'
import { connectionFlags, withAdmin } from './connection.ts'
import { printItem, printItems, toLines } from './output.ts'
import { UsageError } from './usage-error.ts'
import { choicesOf, given, textOf } from './values.ts'

/** Those that do something: `command` and `relay` are words that the registry keeps for later. */
const actions = ['publish', 'subscribe', 'read'] as const satisfies readonly Action[]

export const grantCommands: readonly Command[] = [
  {
    name: 'grants create',
    synopsis: `THING CHANNEL --actions ${actions.join(',')} [--pattern FILTER]`,
    summary: 'let a thing do something on a channel, or on a part of it',
    words: [2, 2],
    flags: { ...connectionFlags, actions: { type: 'string' }, pattern: { type: 'string' } },
    run: call => {
      const granted = choicesOf(call.values, 'actions', actions)
      if (granted === undefined) throw new UsageError(`--actions is needed: some of ${actions.join(',')}`)
      return withAdmin(call, async admin => {
        const [thing, channel] = call.words
        const grant = await admin.grants.create({
          thing: thing!,
          channel: channel!,
          actions: granted,
          ...given({ pattern: textOf(call.values, 'pattern') }),
        })
        await printItem(call, grant, [`grant made, id ${grant.id}`])
      })
    },
  },
  {
    name: 'grants list',
    synopsis: '[--thing THING] [--channel CHANNEL]',
    summary: 'list grants',
    words: [0, 0],
    flags: { ...connectionFlags, thing: { type: 'string' }, channel: { type: 'string' } },
    run: call =>
      withAdmin(call, admin =>
        printItems(
          call,
          admin.grants.list(given({ thing: textOf(call.values, 'thing'), channel: textOf(call.values, 'channel') })),
          {
            ID: grant => grant.id,
            THING: grant => grant.thing,
            CHANNEL: grant => grant.channel,
            ACTIONS: grant => grant.actions.join(','),
            PATTERN: grant => grant.pattern,
          },
        ),
      ),
  },
  {
    name: 'grants get',
    synopsis: 'GRANT',
    summary: 'show one grant, by id',
    words: [1, 1],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin => {
        const grant = await admin.grants.get(call.words[0]!)
        await printItem(call, grant, toLines(grant))
      }),
  },
  {
    name: 'grants rm',
    synopsis: 'GRANT',
    summary: 'take a grant back, at once',
    words: [1, 1],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin => {
        await admin.grants.remove(call.words[0]!)
        await printItem(call, { removed: call.words[0]! }, [])
      }),
  },
]
