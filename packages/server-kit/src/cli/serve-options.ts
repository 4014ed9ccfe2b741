import type { Durability } from '../contracts/index.ts'

/** Of `thingmesh serve`, with its defaults. */
export interface ServeOptions {
  /** A directory. */
  readonly data: string
  readonly host: string
  /** Ports; 0 takes any that is free. */
  readonly mqtt: number
  readonly http: number
  readonly durability: Durability
  readonly tokenFile: string | undefined
  readonly output: 'json' | 'quiet' | 'text'
}
