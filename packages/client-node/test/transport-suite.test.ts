import { mqttJsTransport } from '@thingmesh/client-node/mqttjs'
import { httpTransport, type Transport } from '@thingmesh/core'
import { mqttTransport, webSocketDial } from '@thingmesh/core/mqtt-client'
import { type TransportCapability, transportCases } from '@thingmesh/core/testing'
import { coapListener } from '@thingmesh/server-kit/coap'
import { httpListener } from '@thingmesh/server-kit/http'
import { mqttListener, mqttOverWebSocket } from '@thingmesh/server-kit/mqtt'
import { webSockets } from '@thingmesh/server-kit/websocket'
import { describe, it } from 'vitest'
import { coapTransport } from '../src/transports/coap/transport.ts'
import { tcpDial } from '../src/transports/tcp.ts'
import { startDatagramProxy } from './support/datagram-proxy.ts'
import { startProxy } from './support/proxy.ts'
import { type Door, openTransportSite } from './support/transport-site.ts'

interface Kind extends Door {
  readonly capabilities: readonly TransportCapability[]
}

/** Short enough for a test of what is silent, and long enough for a busy machine. */
const patience = { timeoutMs: 1_500, keepAliveSeconds: 1 }

const mqttDoor: Pick<Door, 'open' | 'network'> = {
  open() {
    const mqtt = mqttListener({ port: 0, keepAliveSecondsMin: 1 })
    return { listeners: [mqtt], port: () => mqtt.address?.port ?? 0 }
  },
  network: startProxy,
}

const httpDoor: Pick<Door, 'open' | 'network'> = {
  open() {
    const upgrade = webSockets({ routes: [mqttOverWebSocket({ keepAliveSecondsMin: 1 })] })
    const http = httpListener({ port: 0, heartbeatMs: 200, stopTimeoutMs: 200, upgrade })
    return { listeners: [http], port: () => http.address?.port ?? 0 }
  },
  network: startProxy,
}

const kinds: Readonly<Record<string, Kind>> = {
  'MQTT over TCP': {
    ...mqttDoor,
    capabilities: ['network', 'resume', 'backpressure', 'replay', 'properties'],
    transport: (port, who) => mqttTransport(tcpDial('127.0.0.1', port, undefined), { ...who, ...patience }),
  },
  'MQTT over WebSocket': {
    ...httpDoor,
    capabilities: ['network', 'resume', 'backpressure', 'replay', 'properties'],
    transport: (port, who) => mqttTransport(webSocketDial(`ws://127.0.0.1:${port}/mqtt`), { ...who, ...patience }),
  },
  'MQTT.js': {
    ...mqttDoor,
    capabilities: ['network', 'resume', 'backpressure', 'replay', 'properties'],
    transport: (port, who) => mqttJsTransport(`mqtt://127.0.0.1:${port}`, { ...who, ...patience }),
  },
  HTTP: {
    ...httpDoor,
    capabilities: ['network', 'resume', 'backpressure', 'latest', 'history'],
    transport: (port, { key }): Transport =>
      httpTransport(`http://127.0.0.1:${port}`, { key, timeoutMs: 1_500, silenceMs: 1_500, checkMs: 500 }),
  },
  CoAP: {
    open() {
      const coap = coapListener({ port: 0 })
      return { listeners: [coap], port: () => coap.address?.port ?? 0 }
    },
    network: startDatagramProxy,
    capabilities: ['network', 'backpressure', 'latest'],
    transport: (port, who) => coapTransport('127.0.0.1', port, { ...who, timeoutMs: 1_500, checkMs: 500 }),
  },
  memory: {
    open: () => ({ listeners: [], port: () => 0 }),
    capabilities: ['resume', 'backpressure', 'replay', 'properties', 'latest', 'history'],
    transport: (_port, who, memory) => memory.transport(who),
  },
}

for (const [name, kind] of Object.entries(kinds)) {
  describe(`the ${name} transport`, () => {
    for (const { name: caseName, needs = [], run } of transportCases) {
      const lacks = needs.filter(capability => !kind.capabilities.includes(capability))
      if (lacks.length === 0) it(caseName, async () => run(await openTransportSite(kind)))
      else it.skip(`${caseName} (it has no ${lacks.join(', ')})`, () => undefined)
    }
  })
}
