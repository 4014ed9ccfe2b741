import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Chromium keeps what the pages of an origin have in IndexedDB in one LevelDB, whose log is in blocks of 32 KiB, each of
 * records behind a header of 7 bytes: a checksum, the length (little-endian) and a type.
 */
const blockBytes = 32_768
const headerBytes = 7

/** The log that was written last, of all below a browser's profile. */
async function newestLog(profile: string): Promise<string> {
  const files = await readdir(profile, { recursive: true, withFileTypes: true })
  const logs = files.filter(file => file.parentPath.endsWith('.indexeddb.leveldb') && /^\d+\.log$/.test(file.name))
  const newest = logs.sort((a, b) => a.name.localeCompare(b.name)).at(-1)!
  return join(newest.parentPath, newest.name)
}

/** As a browser leaves it that is killed between the header of a record and what belongs behind it. */
export async function tearLog(profile: string): Promise<void> {
  const path = await newestLog(profile)
  const log = await readFile(path)
  const left = blockBytes - (log.length % blockBytes)
  // A header is never cut by the end of a block.
  const filler = left < headerBytes ? left : 0
  const header = Buffer.from([0xde, 0xad, 0xbe, 0xef, 100, 0, 1])
  await writeFile(path, Buffer.concat([log, Buffer.alloc(filler), header]))
}

/** As a disk leaves it that has forgotten what it was given. */
export async function damageLog(profile: string): Promise<void> {
  const path = await newestLog(profile)
  const log = await readFile(path)
  const middle = log.length >> 1
  log[middle] = ~log[middle]! & 0xff
  await writeFile(path, log)
}
