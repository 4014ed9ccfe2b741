import { malformed } from './faults.ts'

/** A link and what it says of its target (RFC 6690). */
export interface Link {
  /** A URI reference, `/c/telemetry`. */
  readonly target: string
  /** In order; names may repeat. `true` for one without a value (`obs`). */
  readonly attributes: readonly (readonly [name: string, value: string | true])[]
}

// RFC 6690, section 2: `parmname`, and what stands without quotes (`ptoken`). Each looks at one character at a time.
const nameCharacter = /[A-Za-z0-9!#$&+\-.^_`|~*]/
const tokenCharacter = /[!#$%&'()*+\-./0-9:<=>?@A-Z[\]^_`a-z{|}~]/
const wholeNumber = /^(0|[1-9][0-9]*)$/

/** Writes links: numbers as they are, everything else in quotes. Throws `invalid-argument` for a target or a name that cannot be written. */
export function formatLinks(links: readonly Link[]): string {
  return links.map(formatLink).join(',')
}

function formatLink({ target, attributes }: Link): string {
  if (/[<>\s]/.test(target)) throw malformed('link target holds <, > or white space')
  const parts = attributes.map(([name, value]) => {
    if (name === '' || ![...name].every(character => nameCharacter.test(character))) {
      throw malformed('link attribute has a name that cannot be written')
    }
    if (value === true) return `;${name}`
    return wholeNumber.test(value) ? `;${name}=${value}` : `;${name}="${value.replace(/["\\]/g, '\\$&')}"`
  })
  return `<${target}>${parts.join('')}`
}

/** Reads what `formatLinks` writes, and whatever else RFC 6690 allows. Linear. Throws `invalid-argument`. */
export function parseLinks(text: string): Link[] {
  const links: Link[] = []
  const scanner = new Scanner(text)
  scanner.skipSpace()
  if (scanner.isAtEnd) return links
  for (;;) {
    links.push(scanner.link())
    scanner.skipSpace()
    if (scanner.isAtEnd) return links
    scanner.expect(',')
    scanner.skipSpace()
  }
}

class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length
  }

  skipSpace(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++
  }

  expect(character: string): void {
    if (this.#text[this.#at] !== character) throw malformed(`no ${character} at index ${this.#at} of the links`)
    this.#at++
  }

  link(): Link {
    this.expect('<')
    const close = this.#text.indexOf('>', this.#at)
    if (close === -1) throw malformed('link target without an end')
    const target = this.#text.slice(this.#at, close)
    this.#at = close + 1
    const attributes: [string, string | true][] = []
    for (;;) {
      this.skipSpace()
      if (this.#text[this.#at] !== ';') return { target, attributes }
      this.#at++
      this.skipSpace()
      const name = this.#run(nameCharacter)
      if (name === '') throw malformed(`no name at index ${this.#at} of the links`)
      attributes.push([name, this.#value()])
    }
  }

  #value(): string | true {
    if (this.#text[this.#at] !== '=') return true
    this.#at++
    if (this.#text[this.#at] === '"') return this.#quoted()
    const token = this.#run(tokenCharacter)
    if (token === '') throw malformed(`no value at index ${this.#at} of the links`)
    return token
  }

  #quoted(): string {
    this.#at++
    const parts: string[] = []
    for (let start = this.#at; ; ) {
      const character = this.#text[this.#at]
      if (character === undefined) throw malformed('link attribute in quotes without an end')
      if (character === '"') {
        parts.push(this.#text.slice(start, this.#at++))
        return parts.join('')
      }
      if (character === '\\') {
        parts.push(this.#text.slice(start, this.#at))
        start = this.#at + 1
        if (start === this.#text.length) throw malformed('link attribute in quotes without an end')
        this.#at++
      }
      this.#at++
    }
  }

  #run(allowed: RegExp): string {
    const start = this.#at
    while (this.#at < this.#text.length && allowed.test(this.#text[this.#at]!)) this.#at++
    return this.#text.slice(start, this.#at)
  }
}

/**
 * Whether a link is what a query asks for (RFC 6690, section 4.1): `rt=thingmesh.channel`, `href=/c/*`. A `*` at the end
 * stands for any rest; `rt`, `if` and `rel` are lists of words, of which one has to fit.
 */
export function matchesQuery({ target, attributes }: Link, name: string, wanted: string): boolean {
  const fits = (value: string) => (wanted.endsWith('*') ? value.startsWith(wanted.slice(0, -1)) : value === wanted)
  if (name === 'href') return fits(target)
  const isList = name === 'rt' || name === 'if' || name === 'rel'
  return attributes.some(([key, value]) => {
    if (key !== name) return false
    if (value === true) return wanted === '' || wanted === '*'
    return isList ? value.split(' ').some(fits) : fits(value)
  })
}
