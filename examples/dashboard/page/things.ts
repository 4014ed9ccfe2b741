import type { Presence, Thing } from '@thingmesh/client-browser'
import { element, keyed, setAttribute, setText } from './element.ts'
import { note } from './note.ts'
import { itemsMax } from './registry-feed.ts'
import type { State, Store } from './store.ts'
import { presenceText } from './words.ts'

/** How often "two minutes ago" is looked at again. */
const ageMs = 10_000

/** The things, and who of them is there. */
export function thingsPanel(store: Store, create: HTMLElement): HTMLElement {
  const body = element('tbody')
  const count = element('span', { class: 'faint' })
  const about = note()
  const draw = ({ things, presences, presenceError, registryError }: State): void => {
    const presenceOf = (thing: Thing) => presences?.get(`thing:${thing.id}`)
    const isHere = (thing: Thing) => (presenceOf(thing)?.connections.length ?? 0) > 0
    const sorted = [...(things ?? [])].sort(
      (a, b) => Number(isHere(b)) - Number(isHere(a)) || a.name.localeCompare(b.name),
    )
    keyed(body, sorted, {
      keyOf: ({ id }) => id,
      make: () =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, element('span', { class: 'dot', 'aria-hidden': 'true' }), element('span')),
          element('td', {}, element('span', { class: 'unseen' }), element('span')),
        ),
      update: (row, thing) => drawThing(row, thing, presenceOf(thing), presences === undefined),
    })
    setText(
      count,
      things === undefined
        ? ''
        : `${sorted.filter(isHere).length} of ${sorted.length === itemsMax ? 'the first ' : ''}${sorted.length} connected`,
    )
    about.show(
      presenceError ?? registryError,
      things?.length === 0 ? 'No things yet. Create one, and give its key to a device.' : undefined,
      things === undefined,
    )
  }
  store.watch(['things', 'presences', 'presenceError', 'registryError'], draw)
  setInterval(() => draw(store.state), ageMs)
  return element(
    'section',
    { class: 'card things', 'aria-labelledby': 'things' },
    element('div', { class: 'head' }, element('h2', { id: 'things' }, 'Things'), create, count),
    about.node,
    element(
      'table',
      {},
      element('caption', { class: 'unseen' }, 'Things and their presence'),
      element(
        'thead',
        { class: 'unseen' },
        element('tr', {}, element('th', { scope: 'col' }, 'Thing'), element('th', { scope: 'col' }, 'Presence')),
      ),
      body,
    ),
  )
}

function drawThing(row: HTMLElement, thing: Thing, presence: Presence | undefined, isUnknown: boolean): void {
  const [name, there] = row.children
  const connections = presence?.connections ?? []
  const state = !thing.enabled ? 'disabled' : connections.length > 0 ? 'connected' : 'away'
  setAttribute(row, 'data-state', state)
  setText(name!.children[1]!, thing.name)
  const more = connections.length > 1 ? ` (${connections.length})` : ''
  // The colour of the dot says it to the eyes.
  setText(there!.children[0]!, `${state}: `)
  setText(there!.children[1]!, isUnknown ? '…' : `${thing.enabled ? '' : 'disabled, '}${presenceText(presence)}${more}`)
}
