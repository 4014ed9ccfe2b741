/** Names out of a list, in the order that was asked for; all of them where nothing was. Throws a `TypeError`, as all of these do. */
export function pick<T extends string>(option: string, value: string | undefined, known: readonly T[]): T[] {
  const names = value === undefined ? known : value.split(',').map(name => name.trim())
  return names.map(name => {
    const found = known.find(candidate => candidate === name)
    if (found === undefined) throw new TypeError(`${option} does not know ${name}; it knows ${known.join(', ')}`)
    return found
  })
}

export function number(option: string, value: string | undefined, otherwise: number, min: number): number {
  const parsed = value === undefined ? otherwise : Number(value)
  if (!Number.isFinite(parsed) || parsed < min) throw new TypeError(`${option} must be a number of at least ${min}`)
  return parsed
}

export function wholeNumber(
  option: string,
  value: string | undefined,
  otherwise: number,
  min: number,
  step = 1,
): number {
  const parsed = number(option, value, otherwise, min)
  if (parsed % step === 0) return parsed
  throw new TypeError(`${option} must be ${step === 1 ? 'a whole number' : `a multiple of ${step}`}`)
}
