import { element, field } from './element.ts'

const kept = 'thingmesh.token'

/**
 * The operator's token: out of the address's fragment, which goes from the address, and from the history, at once; or as
 * this tab has it since. The fragment is never sent, and the tab's storage ends with the tab.
 */
export function takeToken(): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get('token')
  if (given !== null) {
    sessionStorage.setItem(kept, given)
    history.replaceState(null, '', location.pathname)
  }
  return sessionStorage.getItem(kept) ?? undefined
}

export function forgetToken(): void {
  sessionStorage.removeItem(kept)
}

/** Asks whoever came without a token, or with one that is over. */
export function signIn(reason: string | undefined): HTMLElement {
  const token = element('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', required: true })
  const form = element(
    'form',
    { class: 'card sign-in' },
    element('h1', {}, 'Thingmesh'),
    element('p', {}, reason ?? 'This hub wants to know who you are.'),
    field('Operator token', token, 'npm start prints an address that has one. It stays in this tab.'),
    element('button', { class: 'primary' }, 'Open'),
  )
  form.addEventListener('submit', event => {
    event.preventDefault()
    sessionStorage.setItem(kept, token.value.trim())
    location.reload()
  })
  return element('main', { class: 'alone' }, form)
}
