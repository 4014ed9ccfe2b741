import type { Channel } from '@thingmesh/client-browser'
import { element, keyed, setAttribute, setText } from './element.ts'
import { note } from './note.ts'
import type { Store } from './store.ts'

const recordTexts = { all: 'keeps all', acked: 'keeps acknowledged', none: 'keeps none' }

/** The channels, one of which is shown. */
export function channelsPanel(store: Store, show: (channel: string) => void, create: HTMLElement): HTMLElement {
  const list = element('ul', { class: 'choices' })
  const about = note()
  store.watch(['channels', 'channel', 'registryError'], ({ channels, channel, registryError }) => {
    keyed(list, channels ?? [], {
      keyOf: ({ name }) => name,
      make: item => choice(item, show),
      update: (made, { name, record, enabled }) => {
        setAttribute(made.querySelector('button')!, 'aria-current', name === channel && 'true')
        setText(made.querySelector('small')!, enabled ? recordTexts[record] : 'disabled')
      },
    })
    about.show(
      registryError,
      channels?.length === 0 ? 'No channels yet. A channel is the first level of every topic.' : undefined,
      channels === undefined,
    )
  })
  return element(
    'nav',
    { class: 'card channels', 'aria-labelledby': 'channels' },
    element('div', { class: 'head' }, element('h2', { id: 'channels' }, 'Channels'), create),
    about.node,
    list,
  )
}

function choice({ name }: Channel, show: (channel: string) => void): HTMLElement {
  const button = element('button', { type: 'button' }, element('span', {}, name), element('small', {}))
  button.addEventListener('click', () => show(name))
  return element('li', {}, button)
}
