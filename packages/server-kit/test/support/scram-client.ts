import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

export interface ScramClientOptions {
  readonly header?: string
  readonly nonce?: string
}

const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest()

/** The other end of SCRAM-SHA-256, by RFC 5802, section 3. */
export class ScramClient {
  readonly #password: string
  readonly #header: string
  readonly #bare: string
  #serverSignature = ''

  constructor(name: string, password: string, { header = 'n,,', nonce }: ScramClientOptions = {}) {
    this.#password = password
    this.#header = header
    const escaped = name.replaceAll('=', '=3D').replaceAll(',', '=2C')
    this.#bare = `n=${escaped},r=${nonce ?? randomBytes(18).toString('base64')}`
  }

  get first(): string {
    return this.#header + this.#bare
  }

  final(serverFirst: string): string {
    const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst)!
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256')
    const clientKey = hmac(salted, 'Client Key')
    const storedKey = createHash('sha256').update(clientKey).digest()
    const withoutProof = `c=${Buffer.from(this.#header).toString('base64')},r=${nonce}`
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`
    const signature = hmac(storedKey, authMessage)
    const proof = clientKey.map((byte, i) => byte ^ signature[i]!)
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), authMessage).toString('base64')
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
  }

  /** Whether the server has shown that it knows the password's keys too. */
  accepts(serverFinal: string): boolean {
    return serverFinal === `v=${this.#serverSignature}`
  }
}
