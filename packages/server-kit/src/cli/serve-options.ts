import type { Durability } from '../contracts/index.ts'

export const limitChoices = ['safe', 'spec'] as const

/** Of `thingmesh serve`, with its defaults. */
export interface ServeOptions {
  /** A directory. */
  readonly data: string
  readonly host: string
  /** Ports; 0 takes any that is free. */
  readonly mqtt: number
  readonly http: number
  readonly durability: Durability
  /** Anybody may come in, without a credential, to one channel. */
  readonly open: boolean
  /** The house's, or MQTT's own. */
  readonly limits: (typeof limitChoices)[number]
  readonly tokenFile: string | undefined
  readonly output: 'json' | 'quiet' | 'text'
}
