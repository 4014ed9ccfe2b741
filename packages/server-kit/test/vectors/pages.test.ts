import { readFile } from 'node:fs/promises'
import { vectors } from '@thingmesh/core/testing'
import { expect, it } from 'vitest'
import { httpVectors } from './http-vectors.ts'

const names = [...vectors.map(({ name }) => name), ...httpVectors.map(([name]) => name)]

it.each([
  ['mqtt', ['mqtt']],
  ['coap', ['coap', 'coap-tcp', 'coap-websocket']],
  ['http', ['http']],
  ['websocket', ['websocket']],
])('docs/protocol/%s.md names its vectors, all of them and no others', async (page, prefixes) => {
  const text = await readFile(new URL(`../../../../docs/protocol/${page}.md`, import.meta.url), 'utf8')
  const named = [...text.matchAll(/`((?:coap-tcp|coap-websocket|mqtt|coap|http|websocket)\/[a-z][a-z0-9.-]*)`/g)]
  const found = new Set(named.map(([, name]) => name!))
  const wanted = names.filter(name => prefixes.includes(name.split('/')[0]!))
  expect([...found].sort()).toEqual(wanted.sort())
})
