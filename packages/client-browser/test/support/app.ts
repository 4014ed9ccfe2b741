import { defineChannel, number } from '@thingmesh/core/schema'
import { cborFormat } from '@thingmesh/core/schema/cbor'
import { senmlCborFormat } from '@thingmesh/core/schema/senml-cbor'
import { outboxCases, vectors } from '@thingmesh/core/testing'
import * as thingmesh from '../../src/index.ts'
import { runTransportCase } from './transport-case.ts'

/** What every page of these tests has. It is bundled as the script of an application would be. */
const provided = {
  runTransportCase,
  thingmesh,
  outboxCases,
  vectors,
  cborFormat,
  senmlCborFormat,
  defineChannel,
  number,
  entryOf,
  publishForEver,
}

Object.assign(globalThis, { app: provided })

function entryOf(sequence: number, bytes = 3): thingmesh.OutboxEntry {
  return {
    sequence,
    key: `page.${sequence}`,
    topic: 'telemetry/room1',
    payload: new Uint8Array(bytes).fill(sequence),
    contentType: '',
    delivery: 'at-least-once',
    retain: false,
    storedAtMs: 1_700_000_000_000 + sequence,
  }
}

/** Publishes readings `<life>.<n>`, one after the other, and says each that is safe. */
async function publishForEver(client: thingmesh.Client, life: number): Promise<never> {
  const telemetry = client.channel('telemetry')
  for (let n = 0; ; n++) {
    await telemetry.publish(`${life}.${n}`)
    said(`${life}.${n}`)
  }
}

declare global {
  /** In a page. */
  var app: typeof provided
  /** Of the page's test. */
  var said: (line: string) => void
}
