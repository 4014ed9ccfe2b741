import { element } from './element.ts'

const kept = 'thingmesh.scheme'
const schemes = { system: 'System', light: 'Light', dark: 'Dark' }

/** Light, dark, or as the system has it; `onChange` also when the system changes its mind. */
export function schemeSwitch(onChange: () => void): HTMLElement {
  const select = element(
    'select',
    { id: 'scheme', 'aria-label': 'Colours' },
    ...Object.entries(schemes).map(([value, text]) => element('option', { value }, text)),
  )
  const apply = (): void => {
    document.documentElement.dataset.scheme = select.value
    onChange()
  }
  select.value = localStorage.getItem(kept) ?? 'system'
  if (!(select.value in schemes)) select.value = 'system'
  select.addEventListener('change', () => {
    localStorage.setItem(kept, select.value)
    apply()
  })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange)
  apply()
  return select
}
