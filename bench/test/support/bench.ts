import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const FLAGS = ['--conditions=@thingmesh/source', '--wasm-wrapper-tiering-budget=1000000000']

/** What the bench says when it is started with these arguments. */
export function bench(...args: readonly string[]): Promise<string> {
  const main = fileURLToPath(new URL('../../main.ts', import.meta.url))
  const child = spawn(process.execPath, [...FLAGS, main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    said += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    errors += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => (code === 0 ? resolve(said) : reject(new Error(`exit code ${code}: ${errors}`))))
  })
}
