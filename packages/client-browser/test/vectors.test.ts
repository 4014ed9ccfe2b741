import { vectors } from '@thingmesh/core/testing'
import { expect } from 'vitest'
import { itInBrowser, openBrowser } from './support/chromium.ts'
import { openApp, serveApp } from './support/web-server.ts'

itInBrowser('every vector of the protocols is read and written the same in a page', async () => {
  const page = await openApp(await serveApp(), await openBrowser())
  const ran = await page.evaluate(() =>
    app.vectors.map(vector => {
      try {
        vector.run()
        return vector.name
      } catch (error) {
        return `${vector.name}: ${error}`
      }
    }),
  )
  expect(ran).toEqual(vectors.map(({ name }) => name))
})
