import { type FileHandle, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, resolve as toAbsolute } from 'node:path'
import {
  checkOptionNames,
  isThingmeshError,
  type OptionNames,
  type Outbox,
  type OutboxEntry,
  resolveOptions,
  ThingmeshError,
} from '@thingmesh/core'
import { encodeEntries, fileMagic, goneBytes, parseFile, writeGone } from './file-format.ts'
import { LiveRecords } from './live-records.ts'
import { takeLock } from './process-lock.ts'

export interface FileOutboxOptions {
  /** The file; its directory is made. One client at a time has it: on Linux another one is refused with `conflict`. */
  readonly path: string
  /**
   * What an entry survives before a publish settles: `disk`, a power cut, by a sync to disk that all entries of a moment
   * share, the default; `process`, the end of the process alone. That an entry is gone is written at once in either case, and
   * synced with the next entry, every 256 of them, or at the end: after a power cut it may be sent again, under the key that
   * the hub knows.
   */
  readonly durability?: 'disk' | 'process' | undefined
  /** The file is written anew when more than half of it is of no use any more, and it is larger than this. 4,194,304 by default. */
  readonly compactBytesMin?: number | undefined
}

/**
 * A hub remembers the last 4,096 keys of a publisher. What a power cut brings back, with what was under way, has to be well
 * below that, or a long outbox that has just been drained would be stored twice.
 */
const goneUnsyncedMax = 256

const fileOutboxOptions: OptionNames<FileOutboxOptions> = { path: true, durability: true, compactBytesMin: true }

/** Drafts in a file that is only ever appended to, so that whatever ends the process leaves what was kept before. Throws `TypeError` for options that make no sense. */
export function fileOutbox(options: FileOutboxOptions): Outbox {
  return new FileOutbox(options)
}

class FileOutbox implements Outbox {
  readonly durable = true
  readonly #path: string
  readonly #sync: boolean
  readonly #compactBytesMin: number
  #live = new LiveRecords()
  #file: FileHandle | undefined
  #letGo: (() => Promise<void>) | undefined
  /** Where the next record goes. What is behind it was not written to its end, and counts for nothing. */
  #size = 0
  /** Entries that are gone, and of which a power cut may not know. */
  #goneUnsynced = 0
  #compacting: Promise<void> | undefined

  constructor(options: FileOutboxOptions) {
    checkOptionNames('fileOutbox', options, fileOutboxOptions)
    const { durability, compactBytesMin } = resolveOptions(options, {
      durability: ['disk', 'process'],
      compactBytesMin: [4_194_304, 0],
    })
    this.#path = toAbsolute(options.path)
    this.#sync = durability === 'disk'
    this.#compactBytesMin = compactBytesMin
  }

  async open(): Promise<readonly OutboxEntry[]> {
    try {
      return await this.#open()
    } catch (error) {
      if (isThingmeshError(error)) throw error
      const { code, name } = error as NodeJS.ErrnoException
      const text = `the outbox ${this.#path} could not be opened (${code ?? name})`
      throw new ThingmeshError('unavailable', text, { cause: error, outcome: 'not-sent' })
    }
  }

  async #open(): Promise<readonly OutboxEntry[]> {
    await makeDirectory(dirname(this.#path))
    this.#letGo = await takeLock(this.#path)
    try {
      return await this.#read()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async write(entries: readonly OutboxEntry[], gone: readonly number[]): Promise<void> {
    await this.#compacting
    if (this.#file === undefined) throw new TypeError('the outbox is not open')
    try {
      await this.#append(entries, gone)
    } catch (error) {
      // Whole records of what failed would be found by the next process, against what their callers are told.
      await this.#file.truncate(this.#size).catch(() => undefined)
      throw error
    } finally {
      // What could not be written is gone when the file is written anew; and its entry has its key.
      for (const sequence of gone) this.#live.remove(sequence)
    }
    if (this.#size > this.#compactBytesMin && this.#live.bytes < this.#size / 2) {
      // Nobody waits for it but the next one. What could not be compacted is as good as it was.
      this.#compacting = this.#compact().catch(() => undefined)
    }
  }

  async close(): Promise<void> {
    await this.#compacting
    const file = this.#file
    const letGo = this.#letGo
    this.#file = undefined
    this.#letGo = undefined
    try {
      if (this.#sync) await file?.datasync()
    } finally {
      await file?.close()
      await letGo?.()
    }
  }

  async #read(): Promise<readonly OutboxEntry[]> {
    const bytes = await readFile(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0)
      throw error
    })
    const { records, goodBytes, torn } = parseFile(bytes, this.#path)
    // More than a record that was cut short: somebody may want to look at it.
    if (!torn && goodBytes < bytes.length) await writeFile(`${this.#path}.damaged`, bytes.subarray(goodBytes))
    const entries = new Map<number, OutboxEntry>()
    this.#live = new LiveRecords()
    let start = fileMagic.length
    for (const record of records) {
      if (record.kind === 'entry') {
        entries.set(record.entry.sequence, record.entry)
        this.#live.add(record.entry.sequence, start, record.bytes)
      } else {
        for (const sequence of record.sequences) {
          entries.delete(sequence)
          this.#live.remove(sequence)
        }
      }
      start += record.bytes
    }
    // A fresh file holds what is of use and nothing else, and replaces the old one in one step.
    await this.#rewrite(bytes, 0)
    return [...entries.values()]
  }

  async #append(entries: readonly OutboxEntry[], gone: readonly number[]): Promise<void> {
    const file = this.#file!
    const goneLength = goneBytes(gone.length)
    const { bytes, lengths } = encodeEntries(entries, goneLength)
    writeGone(gone, bytes, bytes.length - goneLength)
    for (let written = 0; written < bytes.length; ) {
      const part = await file.write(bytes, written, bytes.length - written, this.#size + written)
      written += part.bytesWritten
    }
    const goneUnsynced = this.#goneUnsynced + gone.length
    const isDue = entries.length > 0 || goneUnsynced >= goneUnsyncedMax
    if (this.#sync && isDue) await file.datasync()
    this.#goneUnsynced = isDue ? 0 : goneUnsynced
    let start = this.#size
    for (let i = 0; i < entries.length; i++) {
      this.#live.add(entries[i]!.sequence, start, lengths[i]!)
      start += lengths[i]!
    }
    this.#size += bytes.length
  }

  /** The records are taken over as they are. */
  async #compact(): Promise<void> {
    const from = this.#live.places()[0]?.start ?? this.#size
    const bytes = Buffer.allocUnsafe(this.#size - from)
    for (let had = 0; had < bytes.length; ) {
      const { bytesRead } = await this.#file!.read(bytes, had, bytes.length - had, from + had)
      if (bytesRead === 0) throw new Error('the file is shorter than it was')
      had += bytesRead
    }
    await this.#rewrite(bytes, from)
  }

  /** `old` is the old file, from there on. */
  async #rewrite(old: Buffer, from: number): Promise<void> {
    const fresh = `${this.#path}.new`
    const records = this.#live.places().map(({ start, end }) => old.subarray(start - from, end - from))
    const bytes = Buffer.concat([fileMagic, ...records])
    // What devices measure is nobody else's to read.
    const file = await open(fresh, 'w+', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
      await rename(fresh, this.#path)
    } catch (error) {
      await file.close()
      throw error
    }
    await syncDirectory(dirname(this.#path))
    await this.#file?.close()
    this.#file = file
    this.#live.moved(fileMagic.length)
    this.#size = bytes.length
    this.#goneUnsynced = 0
  }
}

/** With the names of those that were not there. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  for (let made = path; ; made = dirname(made)) {
    await syncDirectory(dirname(made))
    if (made === first) return
  }
}

/** So that the name is on disk too; where the platform knows no such thing it needs none. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined)
  await directory?.sync().catch(() => undefined)
  await directory?.close()
}
