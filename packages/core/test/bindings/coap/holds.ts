import fc from 'fast-check'

/** Asserts a property on the same generated values in every run: a failure is never one that came and went. */
export function holds<T>(property: fc.IRawProperty<T, false>, numRuns = 100): void {
  fc.assert(property, { numRuns, seed: 20_261_123 })
}
