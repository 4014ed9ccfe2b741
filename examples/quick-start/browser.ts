import { spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Opens the address in the desktop's browser, where there is one: nothing depends on it. Not the address itself, which everybody on
 * this machine could read off the list of processes, but a page of the user's own that leads there. Gives what removes that page.
 */
export async function openInBrowser(address: string, directory: string): Promise<() => Promise<void>> {
  const file = join(directory, 'dashboard.html')
  await rm(file, { force: true })
  await writeFile(
    file,
    `<!doctype html><meta http-equiv="refresh" content="0; url=${address}"><title>Thingmesh</title>`,
    {
      mode: 0o600,
      flag: 'wx',
    },
  )
  const [command, ...args] = opener()
  const child = spawn(command, [...args, pathToFileURL(file).href], { stdio: 'ignore', detached: true })
  child.on('error', () => undefined)
  child.unref()
  return () => rm(file, { force: true })
}

function opener(): readonly [string, ...string[]] {
  if (process.platform === 'darwin') return ['open']
  if (process.platform === 'win32') return ['explorer']
  return ['xdg-open']
}
