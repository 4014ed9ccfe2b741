import { describe, expect } from 'vitest'
import { itInBrowser } from './support/chromium.ts'
import { type Scheme, startSite } from './support/site.ts'

describe.each<Scheme>(['ws', 'http'])('a page over %s', scheme => {
  itInBrowser('publishes, and hears what it asked for', async () => {
    const site = await startSite()
    const page = await site.openPage()
    const seen = await page.evaluate(async ({ url, options }) => {
      const client = await app.thingmesh.connect(url, options)
      const telemetry = client.channel('telemetry')
      const messages = telemetry.subscribe({ pattern: 'room1/#' })
      await messages.confirmed
      await telemetry.publish({ t: 21.5 }, { subtopic: 'room2' })
      await telemetry.publish({ t: 22 }, { subtopic: 'room1/a' })
      await telemetry.publish('warm', { subtopic: 'room1' })
      const seen: unknown[] = []
      for await (const { topic, payload } of messages) if (seen.push([topic, payload]) === 2) break
      await client.close()
      return seen
    }, site.how(scheme))
    expect(seen).toEqual([
      ['telemetry/room1/a', { t: 22 }],
      ['telemetry/room1', 'warm'],
    ])
    expect(await site.stored()).toEqual([{ t: 21.5 }, { t: 22 }, 'warm'])
  })
})
