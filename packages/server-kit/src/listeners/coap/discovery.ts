import { ContentFormat, formatLinks, type Link, matchesQuery, OptionNumber, uintOption } from '@thingmesh/core/coap'
import type { Session } from '../../contracts/index.ts'
import type { Query } from './credentials.ts'
import type { Content } from './downloads.ts'

const self: Link = { target: '/.well-known/core', attributes: [['ct', String(ContentFormat.linkFormat)]] }

/** What the asker may use, as CoRE links (RFC 6690, section 4); for who shows no credential, nothing but the list itself. */
export function discover(session: Session | undefined, query: Query): Content {
  const channels = session?.channels() ?? []
  const links = [self, ...channels.map(toLink)].filter(link =>
    [...query].every(([name, wanted]) => matchesQuery(link, name, wanted)),
  )
  return {
    options: [uintOption(OptionNumber.contentFormat, ContentFormat.linkFormat)],
    payload: new TextEncoder().encode(formatLinks(links)),
  }
}

function toLink({ name, actions }: ReturnType<Session['channels']>[number]): Link {
  // Each at most once, as a list of words (RFC 6690, section 3).
  const attributes: [string, string | true][] = [
    ['rt', 'thingmesh.channel'],
    ['if', actions.map(action => `thingmesh.${action}`).join(' ')],
  ]
  if (actions.includes('subscribe')) attributes.push(['obs', true])
  return { target: `/c/${encodeURIComponent(name)}`, attributes }
}
