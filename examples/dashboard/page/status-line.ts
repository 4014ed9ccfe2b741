import { element, setAttribute, setText } from './element.ts'
import type { State, Store } from './store.ts'
import { errorText } from './words.ts'

/** What the connection is, in words, and why; read out when it changes. When it is tried again is for the eyes alone. */
export function statusLine(store: Store): HTMLElement {
  const text = element('span', { role: 'status' })
  const countdown = element('span', { class: 'faint', 'aria-hidden': 'true' })
  const line = element(
    'div',
    { class: 'status' },
    element('span', { class: 'dot', 'aria-hidden': 'true' }),
    text,
    countdown,
  )
  let retryAtMs: number | undefined

  const count = (): void => {
    const seconds = retryAtMs === undefined ? 0 : Math.ceil((retryAtMs - performance.now()) / 1000)
    setText(countdown, seconds > 0 ? `next try in ${seconds} s` : '')
  }
  setInterval(count, 1000)
  store.watch(['status'], ({ status }) => {
    setAttribute(line, 'data-state', status.state)
    setText(text, statusText(status))
    retryAtMs = status.retryInMs === undefined ? undefined : performance.now() + status.retryInMs
    count()
  })
  return line
}

function statusText({ state, reason }: State['status']): string {
  if (state === 'connected') return 'Connected'
  if (state === 'connecting') return 'Connecting…'
  const why = reason === undefined ? '' : ` – ${errorText(reason)}`
  return state === 'offline' ? `Offline${why}` : `Closed${why}`
}
