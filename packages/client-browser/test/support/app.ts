import * as thingmesh from '../../src/index.ts'

/** What every page of these tests has. It is bundled as the script of an application would be. */
const app = { thingmesh }
export type App = typeof app

Object.assign(globalThis, { app })
