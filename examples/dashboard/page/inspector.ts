import type { ReceivedMessage } from '@thingmesh/client-browser'
import { element, keyed, setAttribute, setText } from './element.ts'
import { note } from './note.ts'
import { paced } from './paced.ts'
import type { State, Store } from './store.ts'
import { countText, momentText, payloadText, principalText, protocolText, timeText } from './words.ts'

const rowsMax = 50
const redrawMs = 250
const payloadShownMax = 240

/** The newest messages of the channel, and everything about one of them. */
export function inspectorPanel(store: Store): HTMLElement {
  const body = element('tbody')
  const about = note()
  const filter = element('input', { id: 'filter', type: 'search', autocomplete: 'off', spellcheck: 'false' })
  const pause = element('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause')
  const waiting = element('span', { class: 'faint' })
  const detail = element('aside', {
    class: 'detail',
    id: 'detail',
    'aria-label': 'The message that was chosen',
    hidden: true,
  })
  const list = element(
    'div',
    { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Messages, newest first' },
    element(
      'table',
      {},
      element('caption', { class: 'unseen' }, 'The newest messages, newest first'),
      element(
        'thead',
        {},
        element('tr', {}, ...['Time', 'Topic', 'From', 'Payload'].map(text => element('th', { scope: 'col' }, text))),
      ),
      body,
    ),
  )
  /** What is shown while paused, and how many there had been. */
  let paused: { readonly items: readonly ReceivedMessage[]; readonly total: number } | undefined
  let chosen: string | undefined

  const setPaused = (isPaused: boolean): void => {
    const { items, dropped } = store.state.log
    paused = isPaused ? { items: [...items], total: items.length + dropped } : undefined
    setAttribute(pause, 'aria-pressed', String(isPaused))
    setText(pause, isPaused ? 'Go on' : 'Pause')
    draw(store.state)
  }
  const choose = (message: ReceivedMessage): void => {
    chosen = message.id
    if (paused === undefined) setPaused(true)
    else draw(store.state)
    drawDetail(detail, message, store.state, () => {
      chosen = undefined
      setAttribute(detail, 'hidden', true)
      draw(store.state)
      body.querySelector<HTMLElement>(`[data-key="${CSS.escape(message.id)}"] button`)?.focus()
    })
  }

  const draw = (state: State): void => {
    const { log, history, things, me, channel } = state
    const wanted = filter.value.trim().toLowerCase()
    const rows: ReceivedMessage[] = []
    const items = paused?.items ?? log.items
    for (let at = items.length - 1; at >= 0 && rows.length < rowsMax; at--) {
      const message = items[at]!
      if (wanted === '' || `${message.topic} ${payloadText(message)}`.toLowerCase().includes(wanted)) rows.push(message)
    }
    keyed(body, rows, {
      keyOf: ({ id }) => id,
      make: message => row(message, () => choose(message)),
      update: (made, message) => {
        setAttribute(made, 'data-chosen', message.id === chosen)
        setText(made.children[2]!, principalText(message.publisher, things, me?.id))
      },
    })
    setAttribute(list, 'hidden', rows.length === 0)
    const missed = paused === undefined ? 0 : log.items.length + log.dropped - paused.total
    setText(waiting, missed > 0 ? `${missed.toLocaleString()} new` : '')
    about.show(
      typeof history === 'string' ? undefined : history,
      rows.length === 0 && channel !== undefined
        ? wanted === ''
          ? 'No messages yet.'
          : 'No message is like that.'
        : undefined,
      history === 'loading' && rows.length === 0 && channel !== undefined,
    )
  }
  pause.addEventListener('click', () => setPaused(paused === undefined))
  filter.addEventListener('input', () => draw(store.state))
  store.watch(['channel'], () => {
    chosen = undefined
    setAttribute(detail, 'hidden', true)
    if (paused !== undefined) setPaused(false)
  })
  store.watch(
    ['logChanges', 'history', 'things', 'me'],
    paced(() => draw(store.state), redrawMs),
  )

  return element(
    'section',
    { class: 'card inspector', 'aria-labelledby': 'messages' },
    element(
      'div',
      { class: 'head' },
      element('h2', { id: 'messages' }, 'Messages'),
      element('span', { class: 'choose' }, element('label', { for: 'filter' }, 'Find'), filter),
      waiting,
      pause,
    ),
    about.node,
    element('div', { class: 'split' }, list, detail),
  )
}

function row(message: ReceivedMessage, onChosen: () => void): HTMLElement {
  const button = element('button', { type: 'button', class: 'link', 'aria-controls': 'detail' }, message.topic)
  button.addEventListener('click', onChosen)
  const payload = payloadText(message)
  return element(
    'tr',
    {},
    element('td', { class: 'time' }, timeText(message.acceptedAtMs)),
    element('th', { scope: 'row' }, button),
    element('td', { class: 'from' }),
    element(
      'td',
      { class: 'payload' },
      element('code', {}, payload.length > payloadShownMax ? `${payload.slice(0, payloadShownMax)}…` : payload),
    ),
  )
}

function drawDetail(detail: HTMLElement, message: ReceivedMessage, { things, me }: State, onClose: () => void): void {
  const close = element('button', { type: 'button', class: 'quiet' }, 'Close')
  close.addEventListener('click', onClose)
  const facts: readonly (readonly [string, string])[] = [
    ['Accepted', momentText(message.acceptedAtMs)],
    ['From', `${principalText(message.publisher, things, me?.id)}, over ${protocolText(message.protocol)}`],
    ['Delivery', `${message.delivery}${message.retain ? ', kept as last value' : ''}`],
    ['Content type', message.contentType === '' ? 'not said' : message.contentType],
    ['Size', sizeText(message)],
    ['Id', message.id],
    ['Cursor', message.cursor],
  ]
  detail.replaceChildren(
    element('div', { class: 'head' }, element('h3', {}, message.topic), close),
    element('pre', { tabindex: '0', 'aria-label': 'Payload' }, pretty(message)),
    element('dl', {}, ...facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)])),
  )
  setAttribute(detail, 'hidden', false)
}

function pretty(message: ReceivedMessage): string {
  return message.encoding === 'json' ? JSON.stringify(message.payload, null, 2) : payloadText(message)
}

function sizeText(message: ReceivedMessage): string {
  if (message.encoding === 'bytes') return countText(message.payload.length, 'byte')
  return countText(new TextEncoder().encode(payloadText(message)).length, 'byte')
}
