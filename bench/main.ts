import { CLIENT_HELP, parseClientOptions } from './client/options.ts'
import { runClientBench } from './client.ts'
import { runCoapBench } from './coap.ts'
import { COAP_HELP, parseCoapOptions } from './coap-options.ts'
import { runMqttBench } from './mqtt.ts'
import { MQTT_HELP, parseMqttOptions } from './options.ts'
import { runCompare } from './report/compare.ts'
import { runSizes } from './sizes.ts'

const HELP = `Usage: npm run bench -- <bench> [options]

Benches:
  mqtt      the hub beside other brokers: rate, CPU, latency, memory
  client    our client beside MQTT.js, and the codecs of both
  coap      the hub beside other servers: rate, CPU, latency, observers
  compare   two result files of \`--out\`, side by side
  sizes     what a page loads of the client, and of MQTT.js

\`npm run bench -- mqtt --help\` lists the options, and so on.`

type Bench = (args: readonly string[]) => Promise<string>

const BENCHES: Readonly<Record<string, Bench>> = {
  client: async args => {
    const options = parseClientOptions(args)
    if (options === 'help') return `${CLIENT_HELP}\n`
    return runClientBench(options, commandOf('client', args))
  },
  coap: async args => {
    const options = parseCoapOptions(args)
    if (options === 'help') return `${COAP_HELP}\n`
    return runCoapBench(options, commandOf('coap', args))
  },
  compare: async args => runCompare(args),
  sizes: runSizes,
  mqtt: async args => {
    const options = parseMqttOptions(args)
    if (options === 'help') return `${MQTT_HELP}\n`
    return runMqttBench(options, commandOf('mqtt', args))
  },
}

function commandOf(bench: string, args: readonly string[]): string {
  return `npm run bench -- ${bench}${args.map(arg => ` ${quoted(arg)}`).join('')}`
}

function quoted(arg: string): string {
  return /^[\w./:=,@-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`
}

async function main(name: string | undefined, args: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help') {
    process.stdout.write(`${HELP}\n`)
    return name === undefined ? 2 : 0
  }
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
  if (!bench) {
    process.stderr.write(`there is no bench ${name}\n\n${HELP}\n`)
    return 2
  }
  try {
    process.stdout.write(await bench(args))
    return 0
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  }
}

process.exitCode = await main(process.argv[2], process.argv.slice(3))
