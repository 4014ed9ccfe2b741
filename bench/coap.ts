import { frugal } from './brokers/hub.ts'
import { coapJobOf, coapPlannedMs, populationOf } from './coap-jobs.ts'
import type { CoapBenchOptions, ServerName } from './coap-options.ts'
import { type CoapShape, CROSSING_PAIRS, OBSERVERS_PER_ENDPOINT } from './coap-shapes.ts'
import { sampleDisk, toDiskReading } from './disk.ts'
import { BROKER_CORE } from './generator.ts'
import { readFileSystem, readHost } from './host.ts'
import { coapBarsOf } from './report/coap-bars.ts'
import { type CoapRow, labelOf } from './report/coap-rows.ts'
import { coapTablesOf } from './report/coap-tables.ts'
import { profilesSection, toMarkdown } from './report/markdown.ts'
import { remarksAbout } from './report/remarks.ts'
import { figureOf, type Outcome } from './report/rows.ts'
import { whole } from './report/text.ts'
import { runScenario } from './scenario.ts'
import type { CoapServer } from './servers/contract.ts'
import { libcoap } from './servers/libcoap.ts'
import { nodeCoap } from './servers/node-coap.ts'
import { thingmesh } from './servers/thingmesh.ts'
import { emptyDirectory, findPresent, inWorkplace, save, turnsOf, type Workplace } from './workplace.ts'

const DISK_MS = 1_000

/** Runs every row, one fresh server process each, and settles with the Markdown. Progress goes to standard error. */
export function runCoapBench(options: CoapBenchOptions, command: string): Promise<string> {
  return inWorkplace(options.dataDir, async workplace => {
    const { processes, workDir } = workplace
    const host = readHost()
    const disk = toDiskReading(sampleDisk(workDir, DISK_MS))
    const { present, peers, missing } = await findPresent(options.servers.map(name => serverOf(name, options)))
    const rows: MutableRow[] = []
    const report = (): string =>
      toMarkdown({
        title: 'CoAP bench',
        command,
        host,
        disk: { ...disk, directory: options.dataDir, fileSystem: readFileSystem(options.dataDir) },
        peers,
        missing,
        notes: notesOf(options, processes.canPin),
        bars: coapBarsOf({ rows, observers: options.observers, crossingRate: options.crossingRate }),
        tables: coapTablesOf(rows),
        remarks: rows.flatMap(row => remarksAbout(labelOf(row), row.outcomes)),
        profiles: profilesSection(rows.map(row => ({ ...row, label: labelOf(row) }))),
      })
    for (const { run, plan } of turnsOf(plansOf(options, present), options.repeat, ({ shape }) => shape.kind)) {
      const outcome = await runPlan(plan, run, options, workplace)
      if (workplace.isInterrupted()) break
      const row = rowOf(rows, plan)
      row.outcomes.push(outcome)
      process.stderr.write(`${progress(row, outcome)}\n`)
      // After every row, so that an aborted run leaves what it has measured.
      if (options.out !== undefined) save(options.out, report())
    }
    return report()
  })
}

interface Plan {
  readonly shape: CoapShape
  readonly server: CoapServer
  readonly profile: string
}

type MutableRow = CoapRow & { readonly outcomes: Outcome[] }

function serverOf(name: ServerName, options: CoapBenchOptions): CoapServer {
  const factories: Record<ServerName, () => CoapServer> = {
    thingmesh: () => thingmesh({ dist: options.dist }),
    libcoap,
    'node-coap': nodeCoap,
  }
  return factories[name]()
}

function plansOf({ shapes, profiles }: CoapBenchOptions, servers: readonly CoapServer[]): Plan[] {
  return shapes.flatMap(shape =>
    servers.flatMap(server =>
      server
        .profiles(shape)
        .filter(profile => profiles.length === 0 || profiles.includes(profile))
        .map(profile => ({ shape, server, profile })),
    ),
  )
}

function runPlan(
  { shape, server, profile }: Plan,
  run: number,
  options: CoapBenchOptions,
  { processes, workDir }: Workplace,
): Promise<Outcome> {
  const isProfiled = options.profileDir !== undefined && server.name === 'thingmesh'
  const profileDir = isProfiled ? emptyDirectory(options.profileDir!, `${shape.id}-${profile}-${run}`) : undefined
  return runScenario({
    name: server.name,
    processes,
    workDir,
    againstDisk: shape.kind === 'crossing' && server.isSynced(profile),
    profileDir,
    start: dataDir =>
      server.start({ processes, dataDir, profile, core: BROKER_CORE, profileDir, ...populationOf(shape, options) }),
    jobOf: (running, cores) => coapJobOf(shape, options, running, cores),
    plannedMs: coapPlannedMs,
  })
}

function rowOf(rows: MutableRow[], { shape, server, profile }: Plan): MutableRow {
  const found = rows.find(row => row.shape === shape && row.server === server.name && row.profile === profile)
  if (found) return found
  const row = { shape, server: server.name, profile, outcomes: [] }
  rows.push(row)
  return row
}

function notesOf(options: CoapBenchOptions, canPin: boolean): string[] {
  const { seconds, warmupSeconds, payloadBytes, repeat, profileDir, endpoints, inFlight, observers, rounds } = options
  return [
    canPin
      ? 'server pinned to core 0, load generator to core 1 (taskset); a fresh server process and data directory per row'
      : 'NOT pinned, there is no taskset here; a fresh server process and data directory per row',
    ...(repeat > 1 ? [`${repeat} runs per row, servers taking turns; figures are those of the median run`] : []),
    ...(profileDir === undefined ? [] : ['the hub was writing CPU profiles: its figures are lower than they could be']),
    `${payloadBytes} B payload; ${seconds} s measured after ${warmupSeconds} s of warm-up`,
    `the hub runs under node ${frugal}, with its default limits`,
    'the hub asks every request for its key, a grant lets each publish, read and subscribe; every address was proved by Echo before; the other servers let anybody do anything',
    "a server's CPU and memory are those of its whole process, all threads",
    `requests: confirmable, in a closed loop, ${endpoints} sockets with ${inFlight} unanswered each, each with a thing and a resource of its own at the hub and at node-coap; libcoap's GET is of its resource \`example_data\`, where the same payload was put`,
    'every request is accounted for: lost is what was not answered though it was sent five times; * at a figure: the load generator was the limit (its CPU near 100 %)',
    `observers: ${observers} of one resource, ${OBSERVERS_PER_ENDPOINT} to a socket; ${rounds} rounds, each from a POST to the last notification, acknowledged where it is a CON`,
    `MQTT → CoAP: open loop over ${CROSSING_PAIRS} pairs, QoS 1, observers registered by CON; counted from when a message was due; disk: a bare write + fdatasync loop right before and after that row`,
  ]
}

function progress(row: CoapRow, outcome: Outcome): string {
  if ('failed' in outcome) return `${labelOf(row)}: ${outcome.failed}`
  const remarks = remarksAbout('', [outcome]).length
  const figure = FIGURES[row.shape.kind](figureOf(outcome.result))
  return `${labelOf(row)}: ${figure}${remarks > 0 ? `, ${remarks} remarks` : ''}`
}

const FIGURES: Readonly<Record<CoapShape['kind'], (figure: number) => string>> = {
  requests: rate => `${whole(rate)} requests/s`,
  observers: seconds => `slowest round ${seconds.toFixed(3)} s`,
  crossing: ms => `p50 ${ms.toFixed(3)} ms`,
}
