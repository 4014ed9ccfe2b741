import { nearestOf } from './nearest.ts'

/** An object that has every option as a member, whatever is in it: one that is new in the type does not compile until it is here too. */
export type OptionNames<Options> = { readonly [Name in keyof Options]-?: unknown }

/** Throws `TypeError` for an option that there is not: one that is misspelt would silently be as if it had not been given. */
export function checkOptionNames(factory: string, options: object, known: object): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${factory} takes its options as an object`)
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue
    const names = Object.keys(known)
    const nearest = nearestOf(name, names)
    const rest = nearest === undefined ? `; there are ${names.join(', ')}` : `, the nearest is ${nearest}`
    throw new TypeError(`${factory} has no option ${name}${rest}`)
  }
}
