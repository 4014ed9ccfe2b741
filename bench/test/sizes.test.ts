import { expect, it } from 'vitest'
import { BUNDLES, measure, measureBundle } from '../sizes.ts'

const bounded = BUNDLES.filter(({ gzippedMax }) => gzippedMax !== undefined)

it.each(bounded)('$name are at most $gzippedMax bytes, gzipped', async bundle => {
  const { gzipped } = await measureBundle(bundle)
  expect(gzipped).toBeLessThanOrEqual(bundle.gzippedMax!)
  // Something is in there.
  expect(gzipped).toBeGreaterThan(bundle.gzippedMax! / 2)
})

it.each([
  '@thingmesh/core',
  '@thingmesh/core/mqtt-client',
  '@thingmesh/core/mqtt',
  '@thingmesh/core/coap',
  '@thingmesh/core/cbor',
  '@thingmesh/core/senml',
  '@thingmesh/core/senml-cbor',
  '@thingmesh/core/schema',
  '@thingmesh/client-browser',
])('%s does nothing by being imported', async entry => {
  expect(await measure(`import '${entry}'`)).toMatchObject({ minified: 0 })
})
