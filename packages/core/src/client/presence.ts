import { ThingmeshError, toThingmeshError } from '../errors/index.ts'
import type { PresenceUpdate } from '../model/index.ts'
import { backoffMs, resolveBackoff } from './backoff.ts'
import { pause } from './deadline.ts'
import { EventStreamParser } from './event-stream.ts'
import type { Exchange } from './exchange.ts'
import { resolveOptions, timerMsMax } from './option-rules.ts'
import type { ByteReader, CancelSignal } from './platform.ts'
import type { PresenceClient, PresenceFollowOptions } from './resources.ts'
import { readUnlessSilent } from './silence.ts'
import { readPresence, readPresenceUpdate } from './wire-presence.ts'
import { listAll } from './wire-resources.ts'

/** An update has 500 principals at most. */
const updateBytesMax = 4_194_304

const path = ['api', 'v1', 'presence']

export function openPresence(exchange: Exchange, named: (idOrName: string) => string): PresenceClient {
  return {
    async *list({ pageSize, connected } = {}, options) {
      for await (const item of listAll(exchange, path, { limit: pageSize, connected }, options))
        yield readPresence(item)
    },
    get: async (thing, options) =>
      readPresence(
        await exchange.send({
          method: 'GET',
          path: ['api', 'v1', 'things', named(thing), 'presence'],
          signal: options?.signal,
        }),
      ),
    follow: (options = {}) => followPresence(exchange, options),
  }
}

async function* followPresence(
  exchange: Exchange,
  options: PresenceFollowOptions,
): AsyncGenerator<PresenceUpdate, void, undefined> {
  const stops = [options.signal, exchange.closed]
  const stopped = (): boolean => stops.some(signal => signal?.aborted === true)
  const backoff = resolveBackoff(options.backoff)
  const { silenceMs } = resolveOptions(options, { silenceMs: [40_000, 1, timerMsMax] })
  let failures = 0
  while (!stopped()) {
    try {
      for await (const update of streamPresence(exchange, options.signal, silenceMs, stops)) {
        failures = 0
        yield update
      }
    } catch (thrown) {
      if (stopped()) return
      const error = toThingmeshError(thrown)
      if (!error.retryable) throw error
      const delayMs = backoffMs(++failures, backoff, error.retryAfterSeconds)
      options.onRetry?.(error, delayMs)
      await pause(delayMs, stops)
    }
  }
}

/** One stream. Ends with the stops, and otherwise by throwing. */
async function* streamPresence(
  exchange: Exchange,
  signal: CancelSignal | undefined,
  silenceMs: number,
  stops: readonly (CancelSignal | undefined)[],
): AsyncGenerator<PresenceUpdate, void, undefined> {
  const reader: ByteReader = await exchange.stream({ method: 'GET', path, accept: 'text/event-stream', signal })
  const cancel = (): void => void reader.cancel().catch(() => undefined)
  for (const stop of stops) stop?.addEventListener('abort', cancel)
  try {
    const parser = new EventStreamParser(updateBytesMax)
    while (stops.every(stop => stop?.aborted !== true)) {
      const { done, value } = await readUnlessSilent(reader, silenceMs)
      if (done || value === undefined) {
        if (stops.some(stop => stop?.aborted === true)) return
        throw new ThingmeshError('unavailable', 'the hub ended the event stream', { outcome: 'unknown' })
      }
      for (const { data } of parser.push(value)) {
        if (data !== undefined) yield readPresenceUpdate(JSON.parse(data))
      }
    }
  } finally {
    for (const stop of stops) stop?.removeEventListener('abort', cancel)
    cancel()
  }
}
