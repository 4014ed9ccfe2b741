import type { TokenScope } from '@thingmesh/core'
import type { Command } from './command.ts'
import { connectionFlags, withAdmin } from './connection.ts'
import { printItem, printItems, toLines, toTime } from './output.ts'
import { toPrintable } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { given, integerOf, textOf } from './values.ts'

export const tokenCommands: readonly Command[] = [
  {
    name: 'tokens create',
    synopsis: 'NAME --scope admin|read|channels:A,B [--expires-in SECONDS]',
    summary: "an operator's or application's token; prints it this once",
    words: [1, 1],
    flags: { ...connectionFlags, scope: { type: 'string' }, 'expires-in': { type: 'string' } },
    run: call => {
      const scope = parseScope(textOf(call.values, 'scope'))
      const expiresInSeconds = integerOf(call.values, 'expires-in', 1, Number.MAX_SAFE_INTEGER)
      return withAdmin(call, async admin => {
        const token = await admin.tokens.create({ name: call.words[0]!, scope, ...given({ expiresInSeconds }) })
        await printItem(call, token, [
          `token ${toPrintable(token.name)} made, id ${token.id}`,
          `token, shown this once: ${token.secret}`,
        ])
      })
    },
  },
  {
    name: 'tokens list',
    synopsis: '',
    summary: 'list tokens, without their secrets',
    words: [0, 0],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, admin =>
        printItems(call, admin.tokens.list(), {
          NAME: token => token.name,
          ID: token => token.id,
          SCOPE: token => toScopeText(token.scope),
          CREATED: token => toTime(token.createdAtMs),
          EXPIRES: token => (token.expiresAtMs === undefined ? 'never' : toTime(token.expiresAtMs)),
        }),
      ),
  },
  {
    name: 'tokens get',
    synopsis: 'TOKEN',
    summary: 'show one token, by id',
    words: [1, 1],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin => {
        const token = await admin.tokens.get(call.words[0]!)
        await printItem(call, token, toLines({ ...token, scope: toScopeText(token.scope) }))
      }),
  },
  {
    name: 'tokens rm',
    synopsis: 'TOKEN',
    summary: 'revoke a token, by id; what is connected with it is cut',
    words: [1, 1],
    flags: connectionFlags,
    run: call =>
      withAdmin(call, async admin => {
        await admin.tokens.revoke(call.words[0]!)
        await printItem(call, { removed: call.words[0]! }, [])
      }),
  },
]

function parseScope(text: string | undefined): TokenScope {
  if (text === 'admin' || text === 'read') return text
  const channels = text?.startsWith('channels:') ? text.slice('channels:'.length).split(',') : []
  if (channels.length === 0 || channels.includes('')) {
    throw new UsageError('--scope is needed: admin, read, or channels:A,B with the names of channels')
  }
  return { channels }
}

function toScopeText(scope: TokenScope): string {
  return typeof scope === 'string' ? scope : `channels:${scope.channels.join(',')}`
}
