import { ThingmeshError } from '../errors/index.ts'

/** How deep and how large decoded data may be. A payload's bytes are limited where they come in. */
export interface DataLimits {
  /** Containers within containers: a list of numbers has depth 1, a number 0. */
  readonly depthMax: number
  /** Values, containers included. */
  readonly nodesMax: number
}

/** The safe defaults of `shared/LIMITS.md`, for JSON and CBOR alike. */
export const defaultDataLimits: DataLimits = { depthMax: 16, nodesMax: 10_000 }

/**
 * Keys that reach an object's prototype in code that copies objects key by key. Our own does not, but what is decoded
 * here goes on to code that we do not know.
 */
export function isRefusedKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype'
}

export function refusedKey(key: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', `data has the key ${key}, which is not allowed`)
}

export function tooDeep(max: number): ThingmeshError {
  return new ThingmeshError('invalid-argument', `data is more than ${max} levels deep, the limit is ${max}`, {
    details: { limit: 'depthMax', max },
  })
}

export function tooManyNodes(max: number): ThingmeshError {
  return new ThingmeshError('invalid-argument', `data has more than ${max} nodes, the limit is ${max}`, {
    details: { limit: 'nodesMax', max },
  })
}
