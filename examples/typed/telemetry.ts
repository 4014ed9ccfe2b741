import { boolean, defineChannel, number, string, time } from '@thingmesh/core/schema'

/** Devices, dashboards and servers import this one file. */
export const Telemetry = defineChannel({
  name: 'telemetry',
  fields: {
    temperature: number({ unit: 'Cel', min: -40, max: 85 }),
    open: boolean(),
    label: string({ lengthMax: 32 }).optional(),
    at: time().optional(),
  },
})
