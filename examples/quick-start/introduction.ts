import type { Screen } from './screen.ts'

export interface Running {
  /** An address that opens it, with a token. */
  readonly dashboard: string
  readonly mqttPort: number
  readonly httpPort: number
  readonly coapPort: number
  readonly data: string
  readonly channel: string
  readonly topics: readonly string[]
  readonly visitorKey: string
  /** There at the first start on the data only. */
  readonly adminToken: string | undefined
}

/** Where to look, what runs where, and four lines that work when they are pasted into another terminal as they are. */
export function introduce(screen: Screen, running: Running): void {
  const { mqttPort, httpPort, coapPort, channel, visitorKey, adminToken } = running
  const mosquitto = `-h 127.0.0.1 -p ${mqttPort} -u visitor -P '${visitorKey}'`
  const resource = `coap://127.0.0.1:${coapPort}/c/${channel}`
  const messages = `http://127.0.0.1:${httpPort}/channels/${channel}/messages`
  screen.line()
  screen.line(screen.strong('Thingmesh is running. Open this in a browser:'))
  screen.line()
  screen.line(`  ${screen.command(running.dashboard)}`)
  screen.line(screen.faint('  who has this address may do everything here, for twelve hours'))
  screen.line()
  screen.line(`  MQTT   mqtt://127.0.0.1:${mqttPort}`)
  screen.line(`  HTTP   http://127.0.0.1:${httpPort}`)
  screen.line(
    `         ws://127.0.0.1:${httpPort}/mqtt, MQTT over WebSocket; messages as frames at /channels/${channel}/messages`,
  )
  screen.line(`  CoAP   coap://127.0.0.1:${coapPort}`)
  screen.line(`  data   ${running.data}`)
  screen.line(`  three simulated things publish to ${running.topics.join(', ')}`)
  screen.line()
  screen.line('Try in another terminal, as it stands:')
  screen.line()
  screen.line(screen.faint('  # watch what comes'))
  screen.line(`  ${screen.command(`mosquitto_sub ${mosquitto} -t '${channel}/#' -v`)}`)
  screen.line(screen.faint('  # publish something of your own'))
  screen.line(`  ${screen.command(`mosquitto_pub ${mosquitto} -q 1 -t ${channel}/visitor -m 'hello'`)}`)
  screen.line(screen.faint('  # the same by CoAP'))
  screen.line(`  ${screen.command(`coap-client-notls -m post -e 'hello' '${resource}/visitor?auth=${visitorKey}'`)}`)
  screen.line(screen.faint('  # read what is on disk'))
  screen.line(`  ${screen.command(`curl -sS -H 'Authorization: Thing ${visitorKey}' '${messages}?last=5'`)}`)
  screen.line()
  screen.line(screen.faint('The key is of the thing "visitor" and of this run: the next start makes a new one.'))
  if (adminToken !== undefined) {
    screen.line(`Admin token, shown this once: ${adminToken}`)
  }
  screen.line(screen.faint('Stop with Ctrl-C.'))
  screen.line()
}
