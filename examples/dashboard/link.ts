import type { Hub } from '@thingmesh/server-kit'

const tokenName = 'dashboard'

export interface LinkOptions {
  /** `admin` by default, which makes things; `read` for a page that only looks. */
  readonly scope?: 'admin' | 'read' | undefined
  /** Twelve hours by default. */
  readonly expiresInSeconds?: number | undefined
}

/**
 * An address that opens the dashboard, with an operator's token that ends by itself. The token is in the fragment, which
 * a browser sends to nobody; the page takes it out of the address at once. Whoever reads the address may do what the token may.
 */
export async function dashboardLink(
  hub: Hub,
  origin: string,
  { scope = 'admin', expiresInSeconds = 12 * 3600 }: LinkOptions = {},
): Promise<string> {
  const { tokens } = hub.control
  await forgetExpired(hub)
  const { secret } = await tokens.create({ name: tokenName, scope, expiresInSeconds })
  return `${origin}/#token=${secret}`
}

/** Each start makes one: those that have ended are of no use to anybody. */
async function forgetExpired({ control: { tokens } }: Hub): Promise<void> {
  let cursor: string | undefined
  do {
    const page = await tokens.list({ cursor })
    for (const { id, name, expiresAtMs } of page.items) {
      if (name === tokenName && expiresAtMs !== undefined && expiresAtMs <= Date.now()) await tokens.revoke(id)
    }
    cursor = page.next
  } while (cursor !== undefined)
}
