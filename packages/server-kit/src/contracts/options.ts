import { checkOptionNames, type OptionNames, type OptionRule, resolveOptions, timerMsMax } from '@thingmesh/core'

/** What some of the options may be, where that is not as their names say. */
export type OptionRules<Options> = { readonly [Name in keyof Options]?: OptionRule }

/**
 * Throws `TypeError` for an option that there is not, and for one that is not what its rule says. Where the known one is its default, and that a number or `false`, it needs none: it is true or false, or
 * whole and not negative, and a time that a timer runs where its name ends in `Ms`.
 */
export function checkOptions<Options extends object>(
  factory: string,
  options: Options,
  known: OptionNames<NoInfer<Options>>,
  rules: OptionRules<NoInfer<Options>> = {},
): void {
  checkOptionNames(factory, options, known)
  for (const [name, value] of Object.entries(options)) {
    if (known[name as keyof Options] !== false || value === undefined || typeof value === 'boolean') continue
    throw new TypeError(`${factory}: ${name}: found ${typeof value} ${value}, the limit is true, false`)
  }
  const numbers = Object.entries(known).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  const ofNumbers = Object.fromEntries(numbers.map(([name, byDefault]) => [name, ruleOf(name, byDefault)]))
  try {
    resolveOptions(options, { ...ofNumbers, ...(rules as Readonly<Record<string, OptionRule>>) })
  } catch (error) {
    throw new TypeError(`${factory}: ${(error as Error).message}`, { cause: error })
  }
}

function ruleOf(name: string, byDefault: number): OptionRule {
  return name.endsWith('Ms') ? [byDefault, 1, timerMsMax] : [byDefault, 0]
}

/** Of a port that one listens on: 0 is any free one. */
export const portRule: OptionRule = [0, 0, 65_535]

/** What is given and not undefined, in the place of the defaults. */
export function withDefaults<Options extends object>(defaults: Options, options: Partial<Options>): Options {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...defaults, ...(Object.fromEntries(given) as Partial<Options>) }
}
