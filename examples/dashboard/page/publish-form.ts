import type { Client } from '@thingmesh/client-browser'
import { element, field, setAttribute, setText } from './element.ts'
import { onSubmit, outcome } from './form.ts'
import type { Store } from './store.ts'

/** Publishes to the channel that is shown, by way of the client and its outbox. */
export function publishForm(store: Store, client: Client): HTMLElement {
  const subtopic = element('input', { autocomplete: 'off', spellcheck: 'false', placeholder: 'room1/temperature' })
  const kind = element(
    'select',
    {},
    element('option', { value: 'json' }, 'JSON'),
    element('option', { value: 'text' }, 'Text'),
  )
  const payload = element('textarea', { rows: 3, spellcheck: 'false', placeholder: '{ "temperature": 21.5 }' })
  const retain = element('input', { type: 'checkbox', id: 'retain' })
  const button = element('button', { class: 'primary' }, 'Publish')
  const said = outcome()
  const title = element('h2', { id: 'publish' })
  const refusal = element('p', { class: 'note' }, 'This token may look, and not publish.')
  const form = element(
    'form',
    { class: 'fields', novalidate: true },
    field('Subtopic', subtopic, 'What comes after the channel in the topic; may be empty.'),
    field('Format', kind),
    field('Payload', payload),
    element(
      'div',
      { class: 'actions' },
      element('span', { class: 'check' }, retain, element('label', { for: 'retain' }, 'Keep as last value')),
      said.node,
      button,
    ),
  )
  store.watch(['channel', 'me'], ({ channel, me }) => {
    const mayPublish = me === undefined || me.grants?.some(({ actions }) => actions.includes('publish')) === true
    setAttribute(form, 'hidden', !mayPublish)
    setAttribute(refusal, 'hidden', mayPublish)
    setText(title, channel === undefined ? 'Publish' : `Publish to ${channel}`)
    setAttribute(button, 'disabled', channel === undefined)
  })

  onSubmit(form, said, async () => {
    const { channel, status } = store.state
    if (channel === undefined) return
    setAttribute(payload, 'aria-invalid', false)
    let value: unknown = payload.value
    if (kind.value === 'json') {
      try {
        value = JSON.parse(payload.value)
      } catch (error) {
        setAttribute(payload, 'aria-invalid', 'true')
        payload.focus()
        said.say('bad', `That is not JSON: ${error instanceof Error ? error.message : error}`)
        return
      }
    }
    if (status.state !== 'connected')
      said.say('waiting', 'There is no hub now. It is sent when there is one, if this page is still open.')
    const { id } = await client.channel(channel).publish(value as string, {
      subtopic: subtopic.value.trim(),
      retain: retain.checked,
      ...(kind.value === 'json' && { contentType: 'application/json' }),
    })
    said.say('good', `Stored${id === undefined ? '' : ` as ${id}`}`)
  })
  return element('section', { class: 'card publish', 'aria-labelledby': 'publish' }, title, refusal, form)
}
