import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { quantile } from './quantile.ts'

/** What one bare write and fdatasync costs on the disk that the brokers' data goes to. */
export interface DiskReading {
  readonly writes: number
  readonly bytesPerWrite: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const BYTES_PER_WRITE = 4_096

/** Appends blocks and syncs after each, for `durationMs`: the floor under every durable acknowledgement. One time per block, in ms. */
export function sampleDisk(directory: string, durationMs: number): number[] {
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
  return samples
}

export function toDiskReading(samples: readonly number[]): DiskReading {
  const ascending = [...samples].sort((a, b) => a - b)
  return {
    writes: samples.length,
    bytesPerWrite: BYTES_PER_WRITE,
    p50Ms: quantile(ascending, 0.5),
    p99Ms: quantile(ascending, 0.99),
  }
}
