import { expect, it } from 'vitest'
import { BUNDLES, measure, measureBundle } from '../sizes.ts'

const bounded = BUNDLES.filter(({ gzippedMax }) => gzippedMax !== undefined)

it.each(bounded)('$name are at most $gzippedMax bytes, gzipped', async bundle => {
  const { gzipped } = await measureBundle(bundle)
  expect(gzipped).toBeLessThanOrEqual(bundle.gzippedMax!)
  // Something is in there.
  expect(gzipped).toBeGreaterThan(bundle.gzippedMax! / 2)
})

const pure = ['@thingmesh/core', '@thingmesh/core/mqtt-client', '@thingmesh/core/schema', '@thingmesh/client-browser']

it.each(pure)('%s does nothing by being imported, whatever its package says', async entry => {
  expect(await measure(`import '${entry}'`, { trusts: false })).toMatchObject({ minified: 0 })
})

/** These fill tables as they are loaded, which nobody can tell from outside, as their package says. */
const said = ['mqtt', 'coap', 'cbor', 'senml', 'senml-cbor'].map(name => `@thingmesh/core/${name}`)

it.each(said)('%s is left out where it is only imported', async entry => {
  expect(await measure(`import '${entry}'`)).toMatchObject({ minified: 0 })
})
