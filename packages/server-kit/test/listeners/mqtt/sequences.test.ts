import fc from 'fast-check'
import { describe, it } from 'vitest'
import { levels } from './fixture.ts'
import { commands } from './sequences/commands.ts'
import { HubModel } from './sequences/model.ts'
import { World } from './sequences/world.ts'

/*
 * Random conversations of three clients with a hub that is stopped and killed under them. A plain run is the same each time; `npm run fuzz -- sequences` goes on with new
 * ones. What fails is printed with its seed, as short as it could be made.
 */

const runsAsked = Number(process.env.THINGMESH_FUZZ_RUNS ?? 0)
const seedAsked = Number(process.env.THINGMESH_SEED ?? 0)
const numRuns = runsAsked || 60
const seed = seedAsked || (runsAsked > 0 ? Date.now() % 2 ** 31 : 20_261_125)
const timeoutMs = runsAsked > 0 ? 2 ** 31 - 1 : 120_000

describe.each(levels)('any sequence of packets of MQTT %s', (_, level) => {
  it('is answered, delivered and remembered as the model says', { timeout: timeoutMs }, async () => {
    await fc.assert(
      fc.asyncProperty(commands, async sequence => {
        const world = new World(level)
        await world.start()
        try {
          await fc.asyncModelRun(() => ({ model: new HubModel(), real: world }), sequence)
        } finally {
          await world.stop(false)
        }
      }),
      { numRuns, seed },
    )
  })
})
