import { describe, expect, it } from 'vitest'
import { httpListener } from '../../../src/listeners/http/index.ts'
import { lasting, levels, startSite } from './fixture.ts'

describe.each(levels)('a filter of MQTT %s that names a channel which is made later', (_, level) => {
  it('is granted to an operator, and matches once there is the channel, for whoever is away too', async () => {
    const http = httpListener({ port: 0 })
    const site = await startSite({ otherDoors: [http] })
    const { secret } = await site.hub.control.tokens.create({ name: 'operator', scope: 'admin' })
    const operator = { name: 'operator', key: secret }
    const watching = await site.connect(operator, { level })
    expect(await watching.subscribe('later/x')).toEqual([1])
    const away = await site.connect(operator, lasting(level))
    expect(await away.subscribe('later/#')).toEqual([1])
    await away.disconnect()

    // Over HTTP it is said at once: a read has an end, and nothing could be in it.
    const ask = (accept: string) =>
      fetch(`http://127.0.0.1:${http.address!.port}/channels/later/messages`, {
        headers: { authorization: `Bearer ${secret}`, accept },
      })
    for (const accept of ['application/json', 'text/event-stream']) {
      const refused = await ask(accept)
      expect([refused.status, await refused.json()]).toMatchObject([404, { error: { code: 'not-found' } }])
    }

    await site.hub.control.channels.create({ name: 'later' })
    const sensor = await site.connect(await site.thing('sensor', [{ channel: 'later', actions: ['publish'] }]))
    expect(await sensor.publish('later/x', 'now')).toBe(0)
    expect(await watching.texts(1)).toEqual(['now'])
    const back = await site.connect(operator, lasting(level))
    expect(await back.texts(1)).toEqual(['now'])
  })
})
