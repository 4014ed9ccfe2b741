import { defaultDataLimits, isRefusedKey, refusedKey, tooDeep, tooManyNodes } from '../codec/data-limits.ts'
import { refusalAt } from './refusal.ts'

/**
 * Refuses what `JSON.stringify` would write as something else, or leave out: dates, bytes, maps, instances of classes,
 * functions, `undefined` in a list. Only a foreign schema can let such a thing through. A member that is `undefined` is
 * as good as absent. Throws `invalid-argument` with the path.
 */
export function checkJsonData(value: unknown): void {
  const { depthMax, nodesMax } = defaultDataLimits
  const path: (string | number)[] = []
  let nodes = 0
  const check = (item: unknown): void => {
    if (++nodes > nodesMax) throw tooManyNodes(nodesMax)
    if (item === null || typeof item === 'string' || typeof item === 'boolean') return
    if (typeof item === 'number') {
      if (Number.isFinite(item)) return
      throw refusalAt(path, 'json has no number that is not finite')
    }
    if (typeof item !== 'object') throw refusalAt(path, `json has no ${typeof item}`)
    if (path.length >= depthMax) throw tooDeep(depthMax)
    if (Array.isArray(item)) {
      for (let i = 0; i < item.length; i++) within(i, item[i])
      return
    }
    if (!isPlain(item)) throw refusalAt(path, 'json has no instances of classes, dates, bytes or maps')
    for (const [key, member] of Object.entries(item)) {
      if (isRefusedKey(key)) throw refusedKey(key)
      if (member !== undefined) within(key, member)
    }
  }
  const within = (key: string | number, item: unknown): void => {
    path.push(key)
    check(item)
    path.pop()
  }
  check(value)
}

/** Also of another realm, whose `Object.prototype` is not ours. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
