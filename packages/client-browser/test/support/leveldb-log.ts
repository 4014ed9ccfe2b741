import { appendFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Chromium keeps what the pages of an origin have in IndexedDB in one LevelDB, whose log is in blocks of 32 KiB, each of
 * records behind a header of 7 bytes: a checksum, the length (little-endian) and a type, of which 1 is a record in one piece.
 */
const blockBytes = 32_768
const header = [0xde, 0xad, 0xbe, 0xef, 100, 0, 1]
const payloadBytes = 100

/** The path of the log that was written last, of all below a browser's profile. */
export async function newestLog(profile: string): Promise<string> {
  const files = await readdir(profile, { recursive: true, withFileTypes: true })
  const logs = files.filter(file => file.parentPath.endsWith('.indexeddb.leveldb') && /^\d+\.log$/.test(file.name))
  const newest = logs.sort((a, b) => a.name.localeCompare(b.name)).at(-1)!
  return join(newest.parentPath, newest.name)
}

/** As a browser leaves it that is killed between the header of a record and what belongs behind it. Gives the log's path. */
export function tearLog(profile: string): Promise<string> {
  return append(profile, Buffer.from(header))
}

/** As a disk leaves it that has kept something else than it was given. */
export function damageLog(profile: string): Promise<string> {
  return append(profile, Buffer.from([...header, ...new Uint8Array(payloadBytes)]))
}

async function append(profile: string, bytes: Buffer): Promise<string> {
  const path = await newestLog(profile)
  const { size } = await stat(path)
  const left = blockBytes - (size % blockBytes)
  // None lies over the end of a block.
  const filler = left < header.length + payloadBytes ? left : 0
  await appendFile(path, Buffer.concat([Buffer.alloc(filler), bytes]))
  return path
}
