/** A made-up device: where it publishes, how often, and what it reads at a given time. */
export interface Device {
  readonly name: string
  /** Below the channel. */
  readonly subtopic: string
  readonly everyMs: number
  /** A reading, as the device would send it. Drifts from call to call. */
  read(at: Date): Readonly<Record<string, number | string | boolean>>
}

type Random = () => number

/** Three devices with state of their own. `random` draws evenly from 0 to 1. */
export function createDevices(random: Random = Math.random): readonly Device[] {
  return [greenhouseSensor(random), workshopPlug(random), gardenTank(random)]
}

/** Follows the sun: warmest and driest at about three in the afternoon, dark at night. */
function greenhouseSensor(random: Random): Device {
  const draught = drift(random, 1.2)
  const clouds = drift(random, 0.3)
  return {
    name: 'greenhouse-sensor',
    subtopic: 'greenhouse/climate',
    everyMs: 2000,
    read(at) {
      const warmth = Math.sin(((hourOf(at) - 9) / 24) * 2 * Math.PI)
      const sun = Math.max(0, Math.sin(((hourOf(at) - 6) / 12) * Math.PI)) * Math.min(1, 0.8 + clouds())
      return {
        temperature: round(19 + 6 * warmth + draught() + noise(random, 0.05), 2),
        humidity: round(clamp(68 - 14 * warmth + noise(random, 0.4), 20, 99), 1),
        lux: Math.round(52_000 * clamp(sun, 0, 1)),
      }
    },
  }
}

/** A refrigerator that runs a third of the time, on mains that never quite are 230 volts. */
function workshopPlug(random: Random): Device {
  const mains = drift(random, 2.5)
  let energyWh = 0
  let readAt: number | undefined
  return {
    name: 'workshop-plug',
    subtopic: 'workshop/plug',
    everyMs: 1000,
    read(at) {
      const running = (at.getTime() / 60_000) % 3 < 1
      const voltage = 230 + mains()
      const power = Math.max(0, (running ? 84 : 1.6) + noise(random, running ? 1.5 : 0.1))
      energyWh += (power * (at.getTime() - (readAt ?? at.getTime()))) / 3_600_000
      readAt = at.getTime()
      return { power: round(power, 1), voltage: round(voltage, 1), energyWh: round(energyWh, 3), running }
    },
  }
}

/** Runs down faster while people water, and is filled up again before it is empty. */
function gardenTank(random: Random): Device {
  const warmth = drift(random, 0.8)
  let litres = 620
  let filling = false
  return {
    name: 'garden-tank',
    subtopic: 'garden/tank',
    everyMs: 2000,
    read(at) {
      const watering = Math.max(0, Math.sin(((hourOf(at) - 17) / 4) * Math.PI))
      if (litres < 250) filling = true
      if (litres > 960) filling = false
      litres = clamp(litres + (filling ? 4 : -0.2 - 1.2 * watering * random()), 0, 1000)
      return {
        level: round(litres / 10 + noise(random, 0.05), 1),
        temperature: round(14 + warmth() + noise(random, 0.03), 2),
        valve: filling ? 'open' : 'closed',
      }
    },
  }
}

/** A slow wander around zero that is drawn back to it, so that it stays within about the given bound. */
function drift(random: Random, bound: number): () => number {
  let value = 0
  return () => {
    value = clamp(value * 0.995 + noise(random, bound * 0.06), -bound, bound)
    return value
  }
}

/** Around zero, small values more often: the sum of a few even draws is close to a bell. */
function noise(random: Random, spread: number): number {
  return (random() + random() + random() - 1.5) * spread * 2
}

function hourOf(at: Date): number {
  return at.getHours() + at.getMinutes() / 60
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
