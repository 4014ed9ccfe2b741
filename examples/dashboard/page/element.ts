type Attributes = Readonly<Record<string, string | number | boolean | undefined>>
type Child = Node | string | undefined

/** An element with attributes (`true` is an empty one, `false` and `undefined` are none) and children; text stays text. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) setAttribute(made, key, value)
  made.append(...children.filter(child => child !== undefined))
  return made
}

export function setAttribute(target: Element, key: string, value: Attributes[string]): void {
  if (value === undefined || value === false) target.removeAttribute(key)
  else if (target.getAttribute(key) !== String(value === true ? '' : value)) {
    target.setAttribute(key, String(value === true ? '' : value))
  }
}

/** Only where it is another one: what is written anew is read out anew. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/**
 * The children of `parent` become those of `items`, in their order; what was there under the same key stays the same
 * node, so that focus and selection stay with it.
 */
export function keyed<Item, Made extends Element>(
  parent: Element,
  items: readonly Item[],
  part: {
    readonly keyOf: (item: Item) => string
    readonly make: (item: Item) => Made
    readonly update?: (made: Made, item: Item) => void
  },
): void {
  const old = new Map<string, Element>()
  for (const child of parent.children) old.set(child.getAttribute('data-key') ?? '', child)
  let at = parent.firstElementChild
  for (const item of items) {
    const key = part.keyOf(item)
    const found = old.get(key) as Made | undefined
    const child = found ?? part.make(item)
    if (found === undefined) child.setAttribute('data-key', key)
    part.update?.(child, item)
    old.delete(key)
    if (child === at) at = at.nextElementSibling
    else parent.insertBefore(child, at)
  }
  for (const child of old.values()) child.remove()
}

/** A field with its label, and a place for what is wrong with it. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  const id = `field-${label.toLowerCase().replace(/[^a-z]+/g, '-')}`
  control.id = id
  const about = hint === undefined ? undefined : element('small', { id: `${id}-hint` }, hint)
  if (about !== undefined) control.setAttribute('aria-describedby', about.id)
  return element('div', { class: 'field' }, element('label', { for: id }, label), control, about)
}
