import { type FileHandle, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, resolve as toAbsolute } from 'node:path'
import type { Outbox, OutboxEntry } from '@thingmesh/core'
import { encodeEntry, encodeGone, fileMagic, parseFile } from './file-format.ts'
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
  /** The file is written anew when more than half of it is of no use any more, and it is larger than this. 1,048,576 by default. */
  readonly compactBytesMin?: number | undefined
}

interface Write {
  readonly bytes: Buffer
  settle(error?: unknown): void
}

/**
 * A hub remembers the last 1,000 keys of a publisher. What a power cut brings back, with what was under way, has to be well
 * below that, or a long outbox that has just been drained would be stored twice.
 */
const goneUnsyncedMax = 256

/** Drafts in a file that is only ever appended to, so that whatever ends the process leaves what was kept before. */
export function fileOutbox(options: FileOutboxOptions): Outbox {
  return new FileOutbox(options)
}

class FileOutbox implements Outbox {
  readonly durable = true
  readonly #path: string
  readonly #sync: boolean
  readonly #compactBytesMin: number
  readonly #live = new Map<number, { readonly entry: OutboxEntry; readonly bytes: number }>()
  #file: FileHandle | undefined
  #letGo: (() => Promise<void>) | undefined
  /** Where the next record goes. What is behind it was not written to its end, and counts for nothing. */
  #size = 0
  #liveBytes = 0
  /** Entries that are gone, and of which a power cut may not know. */
  #goneUnsynced = 0
  #writes: Write[] = []
  #gone: number[] = []
  #writing: Promise<void> = Promise.resolve()
  #isWriting = false

  constructor({ path, durability = 'disk', compactBytesMin = 1_048_576 }: FileOutboxOptions) {
    this.#path = toAbsolute(path)
    this.#sync = durability === 'disk'
    this.#compactBytesMin = compactBytesMin
  }

  async open(): Promise<readonly OutboxEntry[]> {
    await makeDirectory(dirname(this.#path))
    this.#letGo = await takeLock(this.#path)
    try {
      return await this.#read()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  append(entry: OutboxEntry): Promise<void> {
    const bytes = encodeEntry(entry)
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown): void => {
        if (error === undefined) this.#admit(entry, bytes.length)
        if (error === undefined) resolve()
        else reject(error)
      }
      if (this.#file === undefined) settle(new TypeError('the outbox is not open'))
      else {
        this.#writes.push({ bytes, settle })
        this.#write()
      }
    })
  }

  /** All of a moment in one record. What could not be written is gone when the file is written anew; and its entry has its key. */
  async remove(sequences: readonly number[]): Promise<void> {
    if (this.#file === undefined) return
    this.#gone.push(...sequences)
    this.#write()
  }

  async close(): Promise<void> {
    while (this.#isWriting) await this.#writing
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
    const { records, goodBytes, torn } = parseFile(bytes)
    // More than a record that was cut short: somebody may want to look at it.
    if (!torn && goodBytes < bytes.length) await writeFile(`${this.#path}.damaged`, bytes.subarray(goodBytes))
    for (const record of records) {
      if (record.kind === 'entry') this.#admit(record.entry, record.bytes)
      else for (const sequence of record.sequences) this.#release(sequence)
    }
    // A fresh file holds what is of use and nothing else, and replaces the old one in one step.
    await this.#rewrite()
    return [...this.#live.values()].map(({ entry }) => entry).sort((a, b) => a.sequence - b.sequence)
  }

  #admit(entry: OutboxEntry, bytes: number): void {
    this.#live.set(entry.sequence, { entry, bytes })
    this.#liveBytes += bytes
  }

  #release(sequence: number): void {
    this.#liveBytes -= this.#live.get(sequence)?.bytes ?? 0
    this.#live.delete(sequence)
  }

  #write(): void {
    if (!this.#isWriting) this.#writing = this.#writeAll()
  }

  /** While one batch is being written the next one gathers. */
  async #writeAll(): Promise<void> {
    this.#isWriting = true
    // What one turn of the event loop has to say is one batch.
    await Promise.resolve()
    while (this.#writes.length > 0 || this.#gone.length > 0) {
      const batch = this.#writes.splice(0)
      const gone = this.#gone.splice(0)
      try {
        await this.#append(batch, gone)
      } catch (error) {
        // Whole records of a batch that failed would be found by the next process, against what their callers are told.
        await this.#file?.truncate(this.#size).catch(() => undefined)
        for (const { settle } of batch) settle(error)
        for (const sequence of gone) this.#release(sequence)
        continue
      }
      for (const { settle } of batch) settle()
      // After what came with them: an entry may go while it is written.
      for (const sequence of gone) this.#release(sequence)
      if (this.#size > this.#compactBytesMin && this.#liveBytes < this.#size / 2) {
        // What could not be compacted is as good as it was.
        await this.#rewrite().catch(() => undefined)
      }
    }
    // In the same turn as the look at what is left, or a write that comes in between would lie there.
    this.#isWriting = false
  }

  async #append(batch: readonly Write[], gone: readonly number[]): Promise<void> {
    const records = batch.map(write => write.bytes)
    if (gone.length > 0) records.push(encodeGone(gone))
    const bytes = Buffer.concat(records)
    for (let written = 0; written < bytes.length; ) {
      const part = await this.#file!.write(bytes, written, bytes.length - written, this.#size + written)
      written += part.bytesWritten
    }
    const goneUnsynced = this.#goneUnsynced + gone.length
    const isDue = batch.length > 0 || goneUnsynced >= goneUnsyncedMax
    if (this.#sync && isDue) await this.#file!.datasync()
    this.#goneUnsynced = isDue ? 0 : goneUnsynced
    this.#size += bytes.length
  }

  async #rewrite(): Promise<void> {
    const fresh = `${this.#path}.new`
    const bytes = Buffer.concat([fileMagic, ...[...this.#live.values()].map(({ entry }) => encodeEntry(entry))])
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
