import { describe, expect } from 'vitest'
import { openPage } from './support/browser.ts'
import { coap, coapClient, coapUrl, observing } from './support/coap.ts'
import { serveDashboard } from './support/dashboard.ts'
import { asThing, printed, subscribed } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { openScene, type Scene } from './support/scene.ts'
import { until } from './support/until.ts'

/** `curl -N` on a stream, behind the head of the answer. */
async function streaming({ site, hub, meter }: Scene) {
  const who = `Authorization: Thing ${meter.secret}`
  const url = `${hub.url}/channels/telemetry/messages`
  const running = site.spawn('curl', ['-sSNi', '-H', who, '-H', 'Accept: text/event-stream', url])
  await running.says(({ out }) => out.includes('text/event-stream'), 'the head of the answer')
  return {
    running,
    payloads: () =>
      running.lines.filter(line => line.startsWith('data: ')).map(line => JSON.parse(line.slice(6)).payload as unknown),
  }
}

/** A page that has two WebSockets: messages as plain frames, and CoAP, whose bytes it writes and reads itself. */
async function listenInPage(origin: string, { hub, meter }: Scene) {
  const page = await openPage(origin)
  const at = `ws://${hub.host}:${hub.httpPort}`
  const offer = `thingmesh.authorization.${Buffer.from(`Thing ${meter.secret}`).toString('base64url')}`
  const option = (delta: number, text: string) => {
    const value = Buffer.from(text)
    // RFC 7252, section 3.1: lengths from 13 on have a byte of their own.
    const head = value.length < 13 ? [(delta << 4) | value.length] : [(delta << 4) | 13, value.length - 13]
    return [...head, ...value]
  }
  // GET with Observe 0 (option 6), of /c/telemetry/room1 (11), with a key (15).
  const path = [...option(5, 'c'), ...option(0, 'telemetry'), ...option(0, 'room1')]
  const observe = [0x01, 0x01, 0x7f, 0x60, ...path, ...option(4, `auth=${meter.secret}`)]
  await page.evaluate(
    async ({ frames, coapAt, subprotocol, request }) => {
      const heard: Record<string, string[]> = { frames: [], coap: [] }
      Object.assign(globalThis, { heard })
      const open = async (address: string, subprotocols: string[], onMessage: (data: unknown) => void) => {
        const webSocket = new WebSocket(address, subprotocols)
        webSocket.binaryType = 'arraybuffer'
        webSocket.addEventListener('message', ({ data }) => onMessage(data))
        await new Promise<void>((resolve, reject) => {
          webSocket.addEventListener('open', () => resolve())
          webSocket.addEventListener('error', () => reject(new Error('not opened')))
        })
        return webSocket
      }
      await open(frames!, ['thingmesh.plain.v1', subprotocol!], data => heard.frames!.push(String(data)))
      const socket = await open(coapAt!, ['coap'], data => {
        const bytes = new Uint8Array(data as ArrayBuffer)
        // 2.05 under the request's token; what stands behind the marker is the payload.
        if (bytes[1] !== 0x45 || bytes[2] !== 0x7f) return
        const marker = bytes.indexOf(0xff)
        heard.coap!.push(marker === -1 ? '' : new TextDecoder().decode(bytes.subarray(marker + 1)))
      })
      socket.send(Uint8Array.of(0x00, 0xe1))
      socket.send(Uint8Array.from(request))
    },
    {
      frames: `${at}/channels/telemetry/messages/room1`,
      coapAt: `${at}/.well-known/coap`,
      subprotocol: offer,
      request: observe,
    },
  )
  const heard = () => page.evaluate(() => (globalThis as unknown as { heard: Record<string, string[]> }).heard)
  // The answer to the observation: there is no value yet.
  await until(async () => (await heard()).coap!.length === 1, 'an observation')
  return { heard }
}

const tools = ['mosquitto_pub', 'mosquitto_sub', coapClient, 'curl', 'chromium', 'stdbuf']

describe('stock tools, all at once', () => {
  itWith(tools)('hear by CoAP, events, MQTT and in a browser what any of them publishes', async () => {
    const origin = await serveDashboard()
    const scene = await openScene({ flags: ['--allow-origin', origin] })
    const { site, hub, meter } = scene
    const url = coapUrl(hub, '/c/telemetry/room1', meter)
    const page = await listenInPage(origin, scene)
    const stream = await streaming(scene)
    const subscriber = await subscribed(site, [...asThing(hub, meter, 'mqttv311'), '-t', 'telemetry/room1', '-q', '1'])
    const mqtt = async (text: string, ...more: readonly string[]) => {
      const args = [...asThing(hub, meter, 'mqttv5'), '-t', 'telemetry/room1', '-q', '1', '-m', text, ...more]
      expect(await site.run('mosquitto_pub', args)).toMatchObject({ code: 0, err: '' })
    }
    // libcoap says something only when it is told something.
    await mqtt('mqtt 0', '-r')
    const observer = await observing(site, url)
    const said = ['mqtt 0']
    for (let i = 1; i <= 3; i++) {
      await mqtt(`mqtt ${i}`)
      expect(await coap(site, ['-m', 'post', '-e', `coap ${i}`, url])).toMatchObject({ err: '' })
      const post = ['-sSf', '-H', `Authorization: Thing ${meter.secret}`, '-H', 'Content-Type:', '--data-binary']
      const posted = await site.run('curl', [...post, `http ${i}`, `${hub.url}/channels/telemetry/messages/room1`])
      expect(posted).toMatchObject({ code: 0, err: '' })
      said.push(`mqtt ${i}`, `coap ${i}`, `http ${i}`)
    }
    await observer.says(({ lines }) => lines.length >= said.length, 'all notifications')
    expect(observer.lines).toEqual(said)
    await stream.running.says(() => stream.payloads().length >= said.length, 'all events')
    expect(stream.payloads()).toEqual(said)
    await subscriber.says(running => printed(running).length >= said.length, 'all messages')
    expect(printed(subscriber)).toEqual(said)
    await until(async () => {
      const { frames, coap: told } = await page.heard()
      return frames!.length >= said.length && told!.length > said.length
    }, 'all in the page')
    expect(await page.heard()).toEqual({ frames: said, coap: ['', ...said] })
  })
})
