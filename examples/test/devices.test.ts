import { expect, it } from 'vitest'
import { createDevices } from '../quick-start/devices.ts'

const bounds: Readonly<Record<string, readonly [number, number]>> = {
  'greenhouse/climate temperature': [8, 30],
  'greenhouse/climate humidity': [20, 99],
  'greenhouse/climate lux': [0, 60_000],
  'workshop/plug power': [0, 100],
  'workshop/plug voltage': [225, 235],
  'workshop/plug energyWh': [0, 10_000],
  'garden/tank level': [20, 101],
  'garden/tank temperature': [10, 18],
}

it('reads plausible values through three days and nights, and not the same twice', () => {
  const midnight = new Date(2026, 5, 1).getTime()
  const seen = new Map<string, Set<unknown>>()
  for (const device of createDevices()) {
    for (let minute = 0; minute < 3 * 24 * 60; minute++) {
      for (const [name, value] of Object.entries(device.read(new Date(midnight + minute * 60_000)))) {
        const quantity = `${device.subtopic} ${name}`
        seen.set(quantity, (seen.get(quantity) ?? new Set()).add(value))
        const bound = bounds[quantity]
        if (bound === undefined) continue
        expect(value, quantity).toBeGreaterThanOrEqual(bound[0])
        expect(value, quantity).toBeLessThanOrEqual(bound[1])
      }
    }
  }
  for (const quantity of Object.keys(bounds)) expect(seen.get(quantity)?.size, quantity).toBeGreaterThan(20)
  expect(seen.get('garden/tank valve')).toEqual(new Set(['open', 'closed']))
  expect(seen.get('workshop/plug running')).toEqual(new Set([true, false]))
})

it('is warmer at three in the afternoon than at three in the morning', () => {
  const climate = createDevices()[0]!
  const at = (hour: number): number => Number(climate.read(new Date(2026, 5, 1, hour)).temperature)
  expect(at(15)).toBeGreaterThan(at(3) + 8)
})
