import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'

/** RFC 7677, section 4, asks for 4,096 at least. More would not help: what is derived from has 256 random bits. */
export const scramIterations = 4096

/** What SCRAM-SHA-256 keeps of a secret, 32 bytes each in base64url. */
export interface ScramKeys {
  readonly storedKey: string
  readonly serverKey: string
}

const derive = promisify(pbkdf2)

/** RFC 5802, section 3. Takes about a millisecond of another thread. */
export async function deriveScramKeys(secret: string, salt: Uint8Array): Promise<ScramKeys> {
  const saltedPassword = await derive(secret, salt, scramIterations, 32, 'sha256')
  const clientKey = createHmac('sha256', saltedPassword).update('Client Key').digest()
  return {
    storedKey: createHash('sha256').update(clientKey).digest('base64url'),
    serverKey: createHmac('sha256', saltedPassword).update('Server Key').digest('base64url'),
  }
}
