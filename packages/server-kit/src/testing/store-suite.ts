import { appendCases } from './store/append-cases.ts'
import type { StoreCapability, StoreCase } from './store/case.ts'
import { exchangeCases } from './store/exchange-cases.ts'
import { groupCases } from './store/group-cases.ts'
import { keyCases } from './store/key-cases.ts'
import { lifecycleCases } from './store/lifecycle-cases.ts'
import { pruneCases } from './store/prune-cases.ts'
import { queryCases } from './store/query-cases.ts'
import { readAll } from './store/reading.ts'
import { recordCases } from './store/record-cases.ts'
import { retainedCases } from './store/retained-cases.ts'

export { readAll, type StoreCapability, type StoreCase }

/** What every store does. A test runner gives each case a place for its data and calls `run`. */
export const storeCases: readonly StoreCase[] = [
  ...appendCases,
  ...queryCases,
  ...pruneCases,
  ...retainedCases,
  ...recordCases,
  ...exchangeCases,
  ...groupCases,
  ...keyCases,
  ...lifecycleCases,
]
