import type { LoadResult } from './work.ts'

/** One job being done. `phase` and `delivered` tell how far it came, should it fail. */
export interface Scenario {
  readonly phase: string
  readonly delivered: number
  run(): Promise<LoadResult>
  close(): void
}
