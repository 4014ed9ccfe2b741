import { readFile } from 'node:fs/promises'
import { isThingmeshError, ThingmeshError } from '@thingmesh/core'
import { type ReloadableTlsIdentity, type TlsMaterial, tlsIdentity } from '../tls/index.ts'
import type { TlsFiles } from './serve-options.ts'
import type { Terminal } from './terminal.ts'

/** Throws `invalid-argument` for a file that cannot be read, or is not what its flag says. */
export async function readIdentity(files: TlsFiles): Promise<ReloadableTlsIdentity> {
  return tlsIdentity({ ...(await readMaterial(files)), clientCertificates: files.clientCertificates })
}

/** Reads the files again whenever the process is told to (SIGHUP). What cannot be used leaves the identity as it was. Returns what ends that. */
export function reloadOnHangup(identity: ReloadableTlsIdentity, files: TlsFiles, terminal: Terminal): () => void {
  return terminal.onHangup(() => {
    readMaterial(files)
      .then(material => identity.reload(material))
      .then(
        () => terminal.stderr.write('thingmesh: certificates read again, new connections meet them\n'),
        error => terminal.stderr.write(`thingmesh: the certificates stay as they were: ${toReason(error)}\n`),
      )
  })
}

async function readMaterial({ cert, key, ca }: TlsFiles): Promise<TlsMaterial> {
  return {
    cert: await read('--tls-cert', cert),
    key: await read('--tls-key', key),
    ...(ca !== undefined && { ca: await read('--tls-ca', ca) }),
  }
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    throw new ThingmeshError('invalid-argument', `cannot read ${flag} ${path}: ${code}`, { cause: error })
  }
}

function toReason(error: unknown): string {
  return isThingmeshError(error) ? error.message : 'something that was not foreseen'
}
