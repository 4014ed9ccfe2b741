import type { Command } from './command.ts'
import { connectionFlags, withAdmin } from './connection.ts'
import { printItem, printItems, toLines, toTime } from './output.ts'
import { toPrintable } from './terminal.ts'
import { flagOf, given, jsonObjectOf, textOf, textsOf } from './values.ts'

/** Flags of what has a name, tags and metadata. */
export const describedFlags = {
  tag: { type: 'string', multiple: true },
  metadata: { type: 'string' },
  disabled: { type: 'boolean' },
} as const

export const thingCommands: readonly Command[] = [
  {
    name: 'things create',
    synopsis: 'NAME [--tag TAG]... [--metadata JSON] [--disabled]',
    summary: 'make a thing; prints its first key, this once',
    words: [1, 1],
    flags: { ...connectionFlags, ...describedFlags },
    run: call =>
      withAdmin(call, async admin => {
        const thing = await admin.things.create({
          name: call.words[0]!,
          ...given({ tags: textsOf(call.values, 'tag'), metadata: jsonObjectOf(call.values, 'metadata') }),
          ...(flagOf(call.values, 'disabled') ? { enabled: false } : {}),
        })
        await printItem(call, thing, [
          `thing ${toPrintable(thing.name)} made, id ${thing.id}`,
          `key, shown this once: ${thing.key.secret}`,
        ])
      }),
  },
  {
    name: 'things list',
    synopsis: '[--name PREFIX] [--tag TAG]',
    summary: 'list things',
    words: [0, 0],
    flags: { ...connectionFlags, name: { type: 'string' }, tag: { type: 'string' } },
    run: call =>
      withAdmin(call, admin =>
        printItems(
          call,
          admin.things.list(given({ name: textOf(call.values, 'name'), tag: textOf(call.values, 'tag') })),
          {
            NAME: thing => thing.name,
            ID: thing => thing.id,
            ENABLED: thing => String(thing.enabled),
            TAGS: thing => thing.tags.join(','),
            CREATED: thing => toTime(thing.createdAtMs),
          },
        ),
      ),
  },
  {
    name: 'things get',
    synopsis: 'THING',
    summary: 'show one thing, by name or id',
    words: [1, 1],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin => {
        const thing = await admin.things.get(call.words[0]!)
        await printItem(call, thing, toLines(thing))
      }),
  },
  {
    name: 'things rm',
    synopsis: 'THING',
    summary: 'remove a thing, its keys and its grants',
    words: [1, 1],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin => {
        await admin.things.remove(call.words[0]!)
        await printItem(call, { removed: call.words[0]! }, [])
      }),
  },
]
