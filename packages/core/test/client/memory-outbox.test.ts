import { describe, it } from 'vitest'
import { memoryOutbox } from '../../src/client/index.ts'
import { outboxCases } from '../../src/testing/index.ts'

describe('the memory outbox', () => {
  for (const { name, needs, run } of outboxCases) {
    it.skipIf(needs === 'restart')(name, () => run(memoryOutbox))
  }
})
