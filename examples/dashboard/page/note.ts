import type { ThingmeshError } from '@thingmesh/client-browser'
import { element, setAttribute, setText } from './element.ts'
import { errorText } from './words.ts'

/** What a panel says where it has nothing to show, or not what it should. */
export interface Note {
  readonly node: HTMLElement
  show(error: ThingmeshError | undefined, text: string | undefined, isLoading?: boolean): void
}

export function note(): Note {
  const node = element('p', { class: 'note', hidden: true })
  return {
    node,
    show(error, text, isLoading = false) {
      const shown = error === undefined ? (isLoading ? 'Loading…' : text) : `As it was: ${errorText(error)}`
      setAttribute(node, 'data-kind', error === undefined ? 'empty' : 'error')
      setAttribute(node, 'hidden', shown === undefined)
      setText(node, shown ?? '')
    },
  }
}
