import { readFile } from 'node:fs/promises'
import {
  type Admin,
  connectHttp,
  createAdmin,
  type HttpClient,
  isThingmeshError,
  ThingmeshError,
} from '@thingmesh/core'
import type { Call } from './command.ts'
import { toPrintable } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { textOf } from './values.ts'

/** Flags of every command that talks to a running hub. */
export const connectionFlags = {
  url: { type: 'string' },
  'token-file': { type: 'string' },
  token: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** Of those that may act as a thing. */
export const messageFlags = { ...connectionFlags, 'thing-key-file': { type: 'string' } } as const

/** Runs with an operator's token. */
export async function withAdmin<Result>(call: Call, use: (admin: Admin) => Promise<Result>): Promise<Result> {
  const token = await tokenOf(call)
  if (token === undefined) throw new UsageError(`no token: ${tokenSources}`)
  const admin = meant(() => createAdmin(urlOf(call), { token }))
  try {
    return await reaching(urlOf(call), () => use(admin))
  } finally {
    admin.close()
  }
}

/** Runs as a thing where a key is given, with an operator's token otherwise. */
export async function withClient<Result>(call: Call, use: (client: HttpClient) => Promise<Result>): Promise<Result> {
  const client = await openClient(call)
  try {
    return await reaching(urlOf(call), () => use(client))
  } finally {
    client.close()
  }
}

async function openClient(call: Call): Promise<HttpClient> {
  const url = urlOf(call)
  const keyFile = textOf(call.values, 'thing-key-file')
  const hasToken = textOf(call.values, 'token-file') !== undefined || textOf(call.values, 'token') !== undefined
  if (keyFile !== undefined && hasToken) throw new UsageError('both a key and a token are given')
  const key = keyFile === undefined ? call.terminal.env.THINGMESH_KEY : await readSecret(keyFile)
  // A flag says more than the environment: a token that is named wins over a key that lies there.
  if (key !== undefined && key !== '' && !hasToken) return meant(() => connectHttp(url, { key }))
  const token = await tokenOf(call)
  if (token === undefined) {
    throw new UsageError(`no credential: use --thing-key-file or THINGMESH_KEY to act as a thing, or ${tokenSources}`)
  }
  return meant(() => connectHttp(url, { token }))
}

const tokenSources = 'use --token-file FILE, or set THINGMESH_TOKEN'

async function tokenOf(call: Call): Promise<string | undefined> {
  const file = textOf(call.values, 'token-file')
  const token = textOf(call.values, 'token')
  if (file !== undefined && token !== undefined) throw new UsageError('both --token-file and --token are given')
  if (file !== undefined) return readSecret(file)
  const found = token ?? call.terminal.env.THINGMESH_TOKEN
  return found === '' ? undefined : found
}

async function readSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw new UsageError(`cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}

function urlOf(call: Call): string {
  return textOf(call.values, 'url') ?? (call.terminal.env.THINGMESH_URL || 'http://127.0.0.1:8080')
}

/** Where no answer came, the address is the first thing to look at. */
async function reaching<Result>(url: string, talk: () => Promise<Result>): Promise<Result> {
  try {
    return await talk()
  } catch (error) {
    if (!isThingmeshError(error) || error.outcome === 'rejected') throw error
    if (error.code !== 'unavailable' && error.code !== 'timeout') throw error
    const { code, message, outcome, cause, details } = error
    throw new ThingmeshError(code, `${toPrintable(url)}: ${message}`, { outcome, cause, details })
  }
}

/** A url or secret that the client refuses to start with is the caller's mistake here, not the program's. */
function meant<Client>(open: () => Client): Client {
  try {
    return open()
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    throw error
  }
}
