/** The smallest value that at least `q` of all are not above (nearest rank). NaN when there are none. */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  const rank = Math.max(1, Math.ceil(ascending.length * q))
  return ascending[Math.min(ascending.length, rank) - 1] ?? Number.NaN
}
