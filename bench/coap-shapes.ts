export interface CoapShape {
  readonly kind: 'requests' | 'observers' | 'crossing'
  readonly id: 'get' | 'post' | 'observers' | 'observers-non' | 'crossing'
  readonly title: string
  /** Of requests. */
  readonly method?: 'get' | 'post'
  /** Of observers: whether they register by CON. */
  readonly confirmable?: boolean
}

export const COAP_SHAPES: readonly CoapShape[] = [
  { kind: 'requests', id: 'get', title: 'GET of a last value', method: 'get' },
  { kind: 'requests', id: 'post', title: 'POST', method: 'post' },
  { kind: 'observers', id: 'observers', title: 'observers, CON', confirmable: true },
  { kind: 'observers', id: 'observers-non', title: 'observers, NON', confirmable: false },
  { kind: 'crossing', id: 'crossing', title: 'MQTT QoS 1 → CoAP observe' },
]

/** What a hub lets one endpoint observe by default. */
export const OBSERVERS_PER_ENDPOINT = 16
export const CROSSING_PAIRS = 10

/** Those of the bars. */
export const DEFAULT_OBSERVERS = 10_000
export const DEFAULT_CROSSING_RATE = 1_000
