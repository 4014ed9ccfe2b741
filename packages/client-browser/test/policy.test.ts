import { expect } from 'vitest'
import { itInBrowser } from './support/chromium.ts'
import { startSite } from './support/site.ts'

/** Every page of these tests is under such a policy: see support/web-server.ts. */
itInBrowser('CBOR and SenML work in a page whose policy lets no text become code', async () => {
  const site = await startSite()
  const page = await site.openPage()
  const found = await page.evaluate(async ({ url, options }) => {
    const { defineChannel, number, cborFormat, senmlCborFormat, thingmesh } = app
    // What a debugger calls is under no policy; what a timer calls is.
    await new Promise(resolve => setTimeout(resolve))
    let isForbidden = false
    try {
      new Function('return 1')()
    } catch (error) {
      isForbidden = error instanceof EvalError
    }
    const client = await thingmesh.connect(url, options)
    const read: unknown[] = []
    for (const [subtopic, format] of Object.entries({ cbor: cborFormat, senml: senmlCborFormat })) {
      const fields = { temperature: number({ unit: 'Cel' }) }
      const telemetry = client.channel(defineChannel({ name: 'telemetry', fields, formats: [format] }))
      await telemetry.publish({ temperature: 21.5 }, { subtopic })
      for await (const { contentType, value, error } of telemetry.history({ pattern: subtopic })) {
        read.push([contentType, value ?? error?.message])
      }
    }
    await client.close()
    return { isForbidden, read }
  }, site.how('http'))
  expect(found).toEqual({
    isForbidden: true,
    read: [
      ['application/cbor', { temperature: 21.5 }],
      ['application/senml+cbor', { temperature: 21.5 }],
    ],
  })
})
