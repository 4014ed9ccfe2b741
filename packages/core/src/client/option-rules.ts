/**
 * What an option is by default, and what else it may be: a whole number from the second on, and up to the third, where there is
 * one; or one of the other texts. What is `NaN` by default has to be given.
 */
export type OptionRule =
  | readonly [byDefault: number, least: number, most?: number]
  | readonly [byDefault: string, ...others: string[]]

type Resolved<Rules extends Readonly<Record<string, OptionRule>>> = {
  readonly [Name in keyof Rules]: Rules[Name] extends readonly string[] ? Rules[Name][number] : number
}

/** Platforms' timers run no longer: one that is to run longer ends at once. */
export const timerMsMax = 2_147_483_647

/**
 * The options that the rules name, with their defaults. Throws `TypeError` for one that is not as its rule says; what the rules
 * do not name is for others to look at. For whoever writes a transport or an outbox.
 */
export function resolveOptions<const Rules extends Readonly<Record<string, OptionRule>>>(
  given: object,
  rules: Rules,
): Resolved<Rules> {
  const resolved: Record<string, unknown> = {}
  for (const name in rules) {
    const rule = rules[name] as readonly unknown[]
    const [byDefault, least, most = Number.POSITIVE_INFINITY] = rule as readonly [unknown, number, number?]
    const { [name]: found = byDefault } = given as Readonly<Record<string, unknown>>
    const fits = typeof found === 'number' ? found >= least && found <= most && !(found % 1) : rule.includes(found)
    if (!fits) {
      const allowed = least >= 0 ? `whole, ${least} to ${most}` : rule
      throw new TypeError(`${name}: found ${typeof found} ${found}, the limit is ${allowed}`)
    }
    resolved[name] = found
  }
  return resolved as Resolved<Rules>
}
