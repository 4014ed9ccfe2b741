import { ThingmeshError } from '../errors/index.ts'
import { openDeadline } from './deadline.ts'
import type { ByteReader } from './platform.ts'
import { deferred } from './status.ts'

/** The next bytes of a stream on which something comes ever so often. Rejects with `timeout` where nothing came for so long. */
export async function readUnlessSilent(reader: ByteReader, silenceMs: number): ReturnType<ByteReader['read']> {
  const deadline = openDeadline(silenceMs, [])
  const silent = deferred<never>()
  deadline.signal.addEventListener('abort', () => {
    silent.reject(new ThingmeshError('timeout', `the event stream was silent for ${silenceMs} ms`))
  })
  try {
    return await Promise.race([reader.read(), silent.promise])
  } finally {
    deadline.release()
  }
}
