import { type Action, type Admin, isThingmeshError, type ThingWithKey } from '@thingmesh/client-browser'
import { element, field } from './element.ts'
import { dialog, onSubmit, outcome } from './form.ts'
import type { Store } from './store.ts'
import { errorText } from './words.ts'

const actions: readonly Action[] = ['publish', 'subscribe', 'read']

/** A button that opens the form: a thing, what it may do, and its key, shown this once. */
export function createThing(store: Store, admin: Admin, onCreated: () => void): HTMLButtonElement {
  const button = element('button', { type: 'button', id: 'create-thing' }, 'Create thing')
  dialog(button, 'Create a thing', node => {
    const name = element('input', { required: true, autocomplete: 'off', spellcheck: 'false', maxlength: 256 })
    const tags = element('input', { autocomplete: 'off', spellcheck: 'false' })
    const channel = element(
      'select',
      {},
      element('option', { value: '' }, 'no channel yet'),
      ...(store.state.channels ?? []).map(({ name }) => element('option', { value: name }, name)),
    )
    channel.value = store.state.channel ?? ''
    const boxes = actions.map(action =>
      element('input', { type: 'checkbox', id: `may-${action}`, checked: action === 'publish' }),
    )
    const said = outcome()
    const form = element(
      'form',
      { class: 'fields' },
      field('Name', name, 'What the device calls itself: its MQTT user name.'),
      field('Tags', tags, 'Separated by commas; may be empty.'),
      field('Channel', channel),
      element(
        'fieldset',
        {},
        element('legend', {}, 'It may'),
        ...boxes.map((box, i) =>
          element('span', { class: 'check' }, box, element('label', { for: box.id }, actions[i]!)),
        ),
      ),
      element('div', { class: 'actions' }, said.node, element('button', { class: 'primary' }, 'Create')),
    )
    onSubmit(form, said, async () => {
      const thing = await admin.things.create({
        name: name.value.trim(),
        tags: tags.value
          .split(',')
          .map(tag => tag.trim())
          .filter(tag => tag !== ''),
      })
      const granted = actions.filter((_action, i) => boxes[i]?.checked)
      // The thing is there by now, and its key is shown once: whatever becomes of its grant.
      const problem = await grant(admin, thing, channel.value, granted)
      form.replaceWith(keyShown(thing, problem, () => node.close()))
      node.querySelector<HTMLElement>('.secret')?.focus()
      onCreated()
    })
    node.append(form)
  })
  return button
}

async function grant(
  admin: Admin,
  thing: ThingWithKey,
  channel: string,
  granted: readonly Action[],
): Promise<string | undefined> {
  if (channel === '' || granted.length === 0) return undefined
  try {
    await admin.grants.create({ thing: thing.id, channel, actions: granted })
    return undefined
  } catch (error) {
    return `It has no grant: ${isThingmeshError(error) ? errorText(error) : error}`
  }
}

function keyShown(thing: ThingWithKey, problem: string | undefined, onDone: () => void): HTMLElement {
  const secret = element(
    'code',
    { class: 'secret', tabindex: '-1', 'aria-label': `Key of ${thing.name}` },
    thing.key.secret,
  )
  const copy = element('button', { type: 'button' }, 'Copy key')
  const done = element('button', { type: 'button', class: 'primary' }, 'I have it')
  const said = outcome()
  copy.addEventListener('click', () => {
    navigator.clipboard.writeText(thing.key.secret).then(
      () => said.say('good', 'Copied.'),
      () => said.say('bad', 'The browser did not let it be copied: mark it, and copy it yourself.'),
    )
  })
  done.addEventListener('click', onDone)
  return element(
    'div',
    { class: 'fields' },
    element(
      'p',
      {},
      element('strong', {}, thing.name),
      ' is there. This is its key, shown this once: what the hub keeps is a hash.',
    ),
    problem === undefined ? undefined : element('p', { class: 'outcome', 'data-kind': 'bad', role: 'alert' }, problem),
    secret,
    element('div', { class: 'actions' }, said.node, copy, done),
  )
}
