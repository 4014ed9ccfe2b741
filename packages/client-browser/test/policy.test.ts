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
    const client = thingmesh.connectHttp(url, options)
    const read: unknown[] = []
    for (const [subtopic, format] of Object.entries({ cbor: cborFormat, senml: senmlCborFormat })) {
      const fields = { temperature: number({ unit: 'Cel' }) }
      const telemetry = thingmesh.typedChannel(client, defineChannel({ name: 'telemetry', fields, formats: [format] }))
      await telemetry.publish({ temperature: 21.5 }, { subtopic })
      const { messages } = await telemetry.read({ subtopic })
      for (const { contentType, value, error } of messages) read.push([contentType, value ?? error?.message])
    }
    client.close()
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
