import { buffer } from 'node:stream/consumers'
import type { ReceivedMessage } from '@thingmesh/core'
import type { Call, Command } from './command.ts'
import { messageFlags, withClient } from './connection.ts'
import { printItem, toTime } from './output.ts'
import { abortOnSignal, toPrintable } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { choiceOf, flagOf, given, integerOf, textOf, timeOf } from './values.ts'

const deliveries = ['at-most-once', 'at-least-once'] as const

export const messageCommands: readonly Command[] = [
  {
    name: 'pub',
    synopsis: 'TOPIC PAYLOAD|- [--content-type TYPE] [--delivery at-most-once|at-least-once] [--retain]',
    summary: 'publish one message; with - the payload is what stdin holds',
    words: [1, 2],
    flags: {
      ...messageFlags,
      'content-type': { type: 'string' },
      delivery: { type: 'string' },
      retain: { type: 'boolean' },
    },
    run: call => {
      const delivery = choiceOf(call.values, 'delivery', deliveries)
      return withClient(call, async client => {
        const payload = await payloadOf(call)
        const sent = await client.publish(call.words[0]!, payload, {
          contentType: textOf(call.values, 'content-type') ?? contentTypeOf(payload),
          retain: flagOf(call.values, 'retain'),
          ...given({ delivery }),
        })
        await printItem(call, sent, [])
      })
    },
  },
  {
    name: 'sub',
    synopsis: 'FILTER [--count N] [--after CURSOR]',
    summary: 'print messages as they come, as topic and payload, until interrupted',
    words: [1, 1],
    flags: { ...messageFlags, count: { type: 'string' }, after: { type: 'string' } },
    run: call => {
      const count = integerOf(call.values, 'count', 1, Number.MAX_SAFE_INTEGER)
      const signal = abortOnSignal(call.terminal)
      return withClient(call, async client => {
        let left = count ?? Number.POSITIVE_INFINITY
        const messages = client.follow(call.words[0]!, {
          signal,
          ...given({ after: textOf(call.values, 'after') }),
          onRetry: (error, delayMs) => {
            call.terminal.stderr.write(`thingmesh: ${error.code}: ${error.message}; next try in ${delayMs} ms\n`)
          },
        })
        for await (const message of messages) {
          await printMessage(call, message)
          if (--left === 0) return
        }
      })
    },
  },
  {
    name: 'read',
    synopsis: 'FILTER [--limit N | --last N] [--after CURSOR] [--from TIME] [--to TIME] [--publisher ID]',
    summary: 'print what the log holds, oldest first, 100 messages unless told otherwise',
    words: [1, 1],
    flags: {
      ...messageFlags,
      limit: { type: 'string' },
      last: { type: 'string' },
      after: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      publisher: { type: 'string' },
    },
    run: call => {
      const last = integerOf(call.values, 'last', 1, 1000)
      const limit = integerOf(call.values, 'limit', 1, Number.MAX_SAFE_INTEGER)
      if (last !== undefined && limit !== undefined) throw new UsageError('--last and --limit exclude each other')
      const signal = abortOnSignal(call.terminal)
      const query = given({
        fromMs: timeOf(call.values, 'from'),
        toMs: timeOf(call.values, 'to'),
        publisher: textOf(call.values, 'publisher'),
      })
      return withClient(call, async client => {
        let left = last ?? limit ?? 100
        let after = textOf(call.values, 'after')
        for (;;) {
          const size = last === undefined ? { limit: Math.min(left, 1000) } : { last }
          const page = await client.read(call.words[0]!, { ...query, ...size, ...given({ after }), signal })
          for (const message of page.messages) await printMessage(call, message)
          left -= page.messages.length
          if (last !== undefined || page.complete || left === 0 || page.next === undefined) return
          after = page.next
        }
      })
    },
  },
]

async function payloadOf(call: Call): Promise<Uint8Array> {
  const word = call.words[1]
  if (word !== undefined && word !== '-') return Buffer.from(word)
  // Without a word, a person at a keyboard would be left waiting for nothing.
  if (word === undefined && call.terminal.stdin.isTTY === true) {
    throw new UsageError('the payload is missing: give it, or - to read it from stdin')
  }
  return buffer(call.terminal.stdin)
}

/** What the payload plainly is. The hub and the devices take no notice; a reader gets it back as what it was. */
function contentTypeOf(payload: Uint8Array): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(payload)
  } catch {
    return 'application/octet-stream'
  }
  try {
    JSON.parse(text)
    return 'application/json'
  } catch {
    return 'text/plain;charset=utf-8'
  }
}

function printMessage(call: Call, message: ReceivedMessage): Promise<void> {
  const { acceptedAtMs, encoding, payload, ...rest } = message
  const bytes = payload instanceof Uint8Array
  const shown = bytes ? Buffer.from(payload).toString('base64') : payload
  const item = { ...rest, acceptedAt: toTime(acceptedAtMs), encoding: bytes ? 'base64' : encoding, payload: shown }
  const text = typeof shown === 'string' && encoding !== 'json' ? shown : JSON.stringify(shown)
  return printItem(call, item, [`${toPrintable(message.topic)} ${toPrintable(text)}`])
}
