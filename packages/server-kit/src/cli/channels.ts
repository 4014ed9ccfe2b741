import { recordPolicies } from '@thingmesh/core'
import type { Command } from './command.ts'
import { connectionFlags, withAdmin } from './connection.ts'
import { printItem, printItems, toLines, toTime } from './output.ts'
import { toPrintable } from './terminal.ts'
import { describedFlags } from './things.ts'
import { choiceOf, flagOf, given, integerOf, jsonObjectOf, textOf, textsOf } from './values.ts'

export const channelCommands: readonly Command[] = [
  {
    name: 'channels create',
    synopsis: 'NAME [--record all|acked|none] [--max-age SECONDS] [--max-bytes BYTES] [--tag TAG]... [--metadata JSON]',
    summary: 'make a channel, with what its log keeps',
    words: [1, 1],
    flags: {
      ...connectionFlags,
      ...describedFlags,
      record: { type: 'string' },
      'max-age': { type: 'string' },
      'max-bytes': { type: 'string' },
    },
    run: call =>
      withAdmin(call, async admin => {
        const retention = given({
          maxAgeSeconds: integerOf(call.values, 'max-age', 1, Number.MAX_SAFE_INTEGER),
          bytesMax: integerOf(call.values, 'max-bytes', 1, Number.MAX_SAFE_INTEGER),
        })
        const channel = await admin.channels.create({
          name: call.words[0]!,
          ...given({
            record: choiceOf(call.values, 'record', recordPolicies),
            retention: Object.keys(retention).length === 0 ? undefined : retention,
            tags: textsOf(call.values, 'tag'),
            metadata: jsonObjectOf(call.values, 'metadata'),
          }),
          ...(flagOf(call.values, 'disabled') ? { enabled: false } : {}),
        })
        await printItem(call, channel, [`channel ${toPrintable(channel.name)} made, id ${channel.id}`])
      }),
  },
  {
    name: 'channels list',
    synopsis: '[--name PREFIX] [--tag TAG]',
    summary: 'list channels',
    words: [0, 0],
    flags: { ...connectionFlags, name: { type: 'string' }, tag: { type: 'string' } },
    run: call =>
      withAdmin(call, admin =>
        printItems(
          call,
          admin.channels.list(given({ name: textOf(call.values, 'name'), tag: textOf(call.values, 'tag') })),
          {
            NAME: channel => channel.name,
            ID: channel => channel.id,
            ENABLED: channel => String(channel.enabled),
            RECORD: channel => channel.record,
            TAGS: channel => channel.tags.join(','),
            CREATED: channel => toTime(channel.createdAtMs),
          },
        ),
      ),
  },
  {
    name: 'channels get',
    synopsis: 'CHANNEL',
    summary: 'show one channel, by name or id',
    words: [1, 1],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin => {
        const channel = await admin.channels.get(call.words[0]!)
        await printItem(call, channel, toLines(channel))
      }),
  },
  {
    name: 'channels rm',
    synopsis: 'CHANNEL',
    summary: 'remove a channel and its grants',
    words: [1, 1],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin => {
        await admin.channels.remove(call.words[0]!)
        await printItem(call, { removed: call.words[0]! }, [])
      }),
  },
]
