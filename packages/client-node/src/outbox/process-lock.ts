import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, dirname } from 'node:path'
import { ThingmeshError } from '@thingmesh/core'

/**
 * Takes the lock of a file whose directory is there, and gives the function that lets go of it; the end of the process does
 * so, too, however it ends. Throws `conflict` where somebody else has it.
 *
 * The lock is a name in Linux's abstract socket namespace: one process can be bound to it, and the kernel knows when that
 * one is gone, where a file with a process id would have to be believed. Processes see each other's names within one network
 * namespace: containers with networks of their own do not. No other system has such names, and there nothing is locked.
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  if (process.platform !== 'linux') return async () => undefined
  const name = await nameOf(path)
  const server = createServer(socket => socket.destroy())
  // What is locked is no reason to go on living.
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const error =
        cause.code === 'EADDRINUSE'
          ? new ThingmeshError('conflict', `another client has the outbox ${path} open`, { cause, outcome: 'not-sent' })
          : new ThingmeshError('unavailable', `the outbox ${path} could not be locked`, { cause, outcome: 'not-sent' })
      reject(error)
    })
    // `exclusive`, or the workers of a cluster would share it.
    server.listen({ path: name, exclusive: true }, () => {
      resolve(() => new Promise(closed => server.close(() => closed())))
    })
  })
}

/** `sun_path` of unix(7). */
const socketNameBytes = 108

/**
 * The directory by its number, because one directory has many paths, and the file by its name, because it is replaced. As
 * long as such a name may be: Node 20 fills shorter ones with zeros, which makes another name of them.
 */
async function nameOf(path: string): Promise<string> {
  const { dev, ino } = await stat(dirname(path), { bigint: true })
  const hash = createHash('sha256')
    .update(`${dev}/${ino}/${basename(path)}`)
    .digest('hex')
  return `\0thingmesh-outbox-${hash}`.padEnd(socketNameBytes, '-')
}
