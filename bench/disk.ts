import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** What one bare write and fdatasync costs on the disk that the brokers' data goes to. */
export interface DiskReading {
  readonly directory: string
  readonly writes: number
  readonly bytesPerWrite: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const BYTES_PER_WRITE = 4_096

/** Appends blocks and syncs after each, for `durationMs`: the floor under every durable acknowledgement. */
export function measureDisk(directory: string, durationMs: number): DiskReading {
  const path = join(directory, `thingmesh-bench-disk-${process.pid}`)
  const block = Buffer.alloc(BYTES_PER_WRITE, 0x5a)
  const samples: number[] = []
  const file = openSync(path, 'w')
  try {
    const end = performance.now() + durationMs
    let before = performance.now()
    while (before < end) {
      writeSync(file, block)
      fdatasyncSync(file)
      const after = performance.now()
      samples.push(after - before)
      before = after
    }
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
  samples.sort((a, b) => a - b)
  const at = (q: number) => samples[Math.min(samples.length - 1, Math.floor(samples.length * q))] ?? Number.NaN
  return { directory, writes: samples.length, bytesPerWrite: BYTES_PER_WRITE, p50Ms: at(0.5), p99Ms: at(0.99) }
}
