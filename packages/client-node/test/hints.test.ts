import { expect, it } from 'vitest'
import { reached, startSite } from './support/site.ts'

it.each(['mqtt', 'http'] as const)('a client over %s finds at a hint that its network is gone', async scheme => {
  const site = await startSite()
  let hint = (): void => undefined
  const hourMs = 3_600_000
  const client = await site.open(scheme, {
    timeoutMs: 300,
    // By itself it would find out much later.
    keepAliveSeconds: 3_600,
    silenceMs: hourMs,
    checkMs: hourMs,
    hints(onHint) {
      hint = onHint
      return () => undefined
    },
  })
  site.proxy(scheme).freeze()
  hint()
  await reached(client, 'offline')
  expect(client.currentStatus).toMatchObject({ reason: { code: 'timeout' } })
  site.proxy(scheme).thaw()
  site.proxy(scheme).cut()
  await reached(client, 'connected')
})
