import type { ClientCertificates, Durability } from '../contracts/index.ts'

export const limitChoices = ['safe', 'spec'] as const

/** Of `thingmesh serve`, with its defaults. */
export interface ServeOptions {
  /** A directory. */
  readonly data: string
  readonly host: string
  /** Ports; 0 takes any that is free, and none is a door that stays shut. */
  readonly mqtt: number | undefined
  readonly http: number | undefined
  readonly coap: number | undefined
  readonly coapTcp: number | undefined
  readonly mqtts: number | undefined
  readonly https: number | undefined
  /** Of browsers' scripts that may call and connect: `https://app.example`, or `*`. */
  readonly origins: readonly string[]
  /** There where a door needs it. */
  readonly tls: TlsFiles | undefined
  readonly durability: Durability
  /** Anybody may come in, without a credential, to one channel. */
  readonly open: boolean
  /** The house's, or MQTT's own. */
  readonly limits: (typeof limitChoices)[number]
  readonly tokenFile: string | undefined
  readonly output: 'json' | 'quiet' | 'text'
}

/** Paths. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  readonly ca: string | undefined
  readonly clientCertificates: ClientCertificates
}
