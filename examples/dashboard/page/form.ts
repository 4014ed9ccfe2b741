import { isThingmeshError } from '@thingmesh/client-browser'
import { element, setAttribute, setText } from './element.ts'
import { errorText } from './words.ts'

/** What became of a form: read out, and shown below it. */
export interface Outcome {
  readonly node: HTMLElement
  say(kind: 'good' | 'waiting' | 'bad', text: string): void
  clear(): void
}

export function outcome(): Outcome {
  const node = element('p', { class: 'outcome', role: 'status' })
  return {
    node,
    say(kind, text) {
      setAttribute(node, 'data-kind', kind)
      setText(node, text)
    },
    clear: () => setText(node, ''),
  }
}

/** One submit at a time; what fails is said, and the form is as it was. */
export function onSubmit(form: HTMLFormElement, said: Outcome, submit: () => Promise<void>): void {
  let isUnderWay = false
  form.addEventListener('submit', event => {
    event.preventDefault()
    if (isUnderWay) return
    isUnderWay = true
    setAttribute(form, 'aria-busy', 'true')
    said.clear()
    submit()
      .catch(error => said.say('bad', isThingmeshError(error) ? errorText(error) : String(error)))
      .finally(() => {
        isUnderWay = false
        setAttribute(form, 'aria-busy', false)
      })
  })
}

/** A form in a window of its own, which the browser keeps the focus in and closes by Escape. */
export function dialog(opener: HTMLButtonElement, title: string, fill: (node: HTMLDialogElement) => void): void {
  const node = element('dialog', { 'aria-labelledby': `${opener.id}-title` })
  opener.addEventListener('click', () => {
    const close = element('button', { type: 'button', class: 'quiet', 'aria-label': 'Close' }, '✕')
    close.addEventListener('click', () => node.close())
    node.replaceChildren(element('div', { class: 'head' }, element('h2', { id: `${opener.id}-title` }, title), close))
    fill(node)
    document.body.append(node)
    node.showModal()
    node.querySelector<HTMLElement>('input, select, textarea')?.focus()
  })
  // What was shown this once is shown no longer.
  node.addEventListener('close', () => {
    node.replaceChildren()
    node.remove()
    opener.focus()
  })
}
