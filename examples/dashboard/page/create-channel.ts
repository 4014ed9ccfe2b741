import type { Admin } from '@thingmesh/client-browser'
import { element, field } from './element.ts'
import { dialog, onSubmit, outcome } from './form.ts'

/** A button that opens the form. */
export function createChannel(admin: Admin, onCreated: (name: string) => void): HTMLButtonElement {
  const button = element('button', { type: 'button', id: 'create-channel' }, 'Create channel')
  dialog(button, 'Create a channel', node => {
    const name = element('input', { required: true, autocomplete: 'off', spellcheck: 'false', maxlength: 64 })
    const record = element(
      'select',
      {},
      element('option', { value: 'all' }, 'everything'),
      element('option', { value: 'acked' }, 'what is acknowledged'),
      element('option', { value: 'none' }, 'nothing'),
    )
    const said = outcome()
    const form = element(
      'form',
      { class: 'fields' },
      field('Name', name, 'The first level of its topics, as in telemetry/room1.'),
      field('Its log keeps', record),
      element('div', { class: 'actions' }, said.node, element('button', { class: 'primary' }, 'Create')),
    )
    onSubmit(form, said, async () => {
      const channel = await admin.channels.create({ name: name.value.trim(), record: record.value as 'all' })
      node.close()
      onCreated(channel.name)
    })
    node.append(form)
  })
  return button
}
