import type { HubProcess } from './hub.ts'

export interface Thing {
  readonly id: string
  readonly name: string
  readonly secret: string
}

type Action = 'publish' | 'subscribe' | 'read'
const allActions: readonly Action[] = ['publish', 'subscribe', 'read']

export interface LoggedMessage {
  readonly id: string
  readonly cursor: string
  readonly topic: string
  readonly contentType: string
  readonly payload: unknown
  readonly encoding: string
}

interface Page {
  readonly messages: readonly LoggedMessage[]
  readonly next: string
  readonly complete: boolean
}

export async function createChannel(hub: HubProcess, name: string, more: object = {}): Promise<void> {
  await ask(hub, 'POST', '/api/v1/channels', { name, ...more })
}

/** With one grant for each channel: all actions, unless it says which. */
export async function createThing(
  hub: HubProcess,
  name: string,
  channels: readonly string[] | Readonly<Record<string, readonly Action[]>>,
): Promise<Thing> {
  const { id, key } = (await ask(hub, 'POST', '/api/v1/things', { name })) as { id: string; key: { secret: string } }
  const isList = Array.isArray as (value: unknown) => value is readonly string[]
  const grants = isList(channels) ? Object.fromEntries(channels.map(channel => [channel, allActions])) : channels
  for (const [channel, actions] of Object.entries(grants)) {
    await ask(hub, 'POST', '/api/v1/grants', { thing: id, channel, actions })
  }
  return { id, name, secret: key.secret }
}

/** A whole channel as the log has it, page by page to its end. */
export async function readHistory(hub: HubProcess, channel: string): Promise<readonly LoggedMessage[]> {
  const messages: LoggedMessage[] = []
  let after = '0'
  for (;;) {
    const page = (await ask(hub, 'GET', `/channels/${channel}/messages?after=${after}&limit=1000`)) as Page
    messages.push(...page.messages)
    if (page.complete) return messages
    if (page.next === after) throw new Error(`the page after ${after} leads nowhere`)
    after = page.next
  }
}

/** As Prometheus reads them. */
export async function readMetrics(hub: HubProcess): Promise<string> {
  return exchange(hub, 'GET', '/metrics')
}

/** The answer to a request of the administrator. */
export async function ask(hub: HubProcess, method: string, path: string, body?: object): Promise<unknown> {
  return JSON.parse(await exchange(hub, method, path, body))
}

async function exchange(hub: HubProcess, method: string, path: string, body?: object): Promise<string> {
  const response = await fetch(`${hub.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${hub.adminToken}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text
}
