import {
  type Client,
  connect,
  connectHttp,
  createAdmin,
  type HttpClient,
  isThingmeshError,
} from '@thingmesh/client-browser'
import { forgetToken, signIn, takeToken } from './access.ts'
import { channelsPanel } from './channels.ts'
import { chartsPanel, ranges } from './charts.ts'
import { createChannel } from './create-channel.ts'
import { createThing } from './create-thing.ts'
import { element, setAttribute } from './element.ts'
import { Feed, messagesMax } from './feed.ts'
import { inspectorPanel } from './inspector.ts'
import { MessageLog } from './message-log.ts'
import { followPresence } from './presence-feed.ts'
import { publishForm } from './publish-form.ts'
import { readRegistry } from './registry-feed.ts'
import { restWhileHidden } from './rest.ts'
import { schemeSwitch } from './scheme.ts'
import { statusLine } from './status-line.ts'
import { createStore, type Store } from './store.ts'
import { thingsPanel } from './things.ts'
import { errorText } from './words.ts'

/** Where the hub is: beside the page, whatever path a proxy puts both below. */
const url = new URL('.', location.href).href.replace(/\/$/, '')
/** Things and channels change by other hands, too, and of that nobody is told. */
const registryMs = 15_000
const restMs = 10_000

const token = takeToken()
if (token === undefined) document.body.append(signIn(undefined))
else {
  open(token).catch(error => {
    // For good: a hub that is not there is waited for.
    forgetToken()
    document.body.replaceChildren(signIn(isThingmeshError(error) ? errorText(error) : String(error)))
  })
}

async function open(token: string): Promise<void> {
  const store = createStore({
    status: { state: 'connecting' },
    me: undefined,
    channels: undefined,
    things: undefined,
    registryError: undefined,
    presences: undefined,
    presenceError: undefined,
    channel: undefined,
    rangeMs: ranges['15 minutes'],
    log: new MessageLog(messagesMax),
    logChanges: 0,
    history: 'ready',
  })
  const client = await connect(url, { token, backoff: { firstMs: 250, maxMs: 5_000 } })
  draw(store, client, token)
  for await (const status of client.status()) {
    store.set({ status })
    // The hub takes the token no longer: there is nothing to wait for.
    if (status.state === 'closed') throw status.reason
  }
}

function draw(store: Store, client: Client, token: string): void {
  const admin = createAdmin(url, { token })
  const http = connectHttp(url, { token })
  const feed = new Feed(store, client, http)
  const read = async (): Promise<void> => {
    await readRegistry(admin, store)
    if (store.state.channel !== undefined) return
    const first = (await newestChannel(http)) ?? store.state.channels?.[0]?.name
    // Somebody may have chosen meanwhile.
    if (first !== undefined && store.state.channel === undefined) feed.show(first)
  }
  const charts = chartsPanel(store, () => feed.reach())
  const addThing = createThing(store, admin, () => void read())
  const addChannel = createChannel(admin, name => void read().then(() => feed.show(name)))

  document.body.replaceChildren(
    element('a', { class: 'skip', href: '#main' }, 'To the readings'),
    element(
      'header',
      {},
      element('h1', {}, element('img', { src: 'icon.svg', alt: '', width: 28, height: 28 }), 'Thingmesh'),
      statusLine(store),
      schemeSwitch(() => requestAnimationFrame(() => charts.recolour())),
    ),
    element(
      'div',
      { class: 'page' },
      channelsPanel(store, name => feed.show(name), addChannel),
      element('main', { id: 'main', tabindex: '-1' }, charts.node, inspectorPanel(store), publishForm(store, client)),
      thingsPanel(store, addThing),
    ),
  )
  // What the token may not do is not offered.
  store.watch(['me'], ({ me }) => {
    for (const button of [addThing, addChannel]) setAttribute(button, 'hidden', me?.control !== 'admin')
  })

  // At the beginning, and whenever there is a hub again.
  store.watch(['status'], ({ status }) => status.state === 'connected' && void read())
  setInterval(() => document.visibilityState === 'visible' && void read(), registryMs)
  let resting = new AbortController()
  const follow = (): void => {
    followPresence(admin, store, resting.signal).catch(error => {
      if (isThingmeshError(error)) store.set({ presenceError: error })
    })
  }
  follow()
  restWhileHidden(restMs, {
    rest() {
      resting.abort()
      feed.stop()
    },
    wake() {
      resting = new AbortController()
      follow()
      if (store.state.channel !== undefined) feed.show(store.state.channel)
    },
  })
}

/** Where something happened last: more likely what one wants to see than what comes first. */
async function newestChannel(http: HttpClient): Promise<string | undefined> {
  try {
    return (await http.read('#', { last: 1 })).messages[0]?.channel
  } catch {
    // The status says that there is no hub.
    return undefined
  }
}
