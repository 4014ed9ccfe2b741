import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Site } from './site.ts'

const imageBytes = 64 * 1024 * 1024
// The file system never writes its own metadata by itself while the test runs: what is in the image was asked to be.
const options = 'loop,noatime,commit=3600'

/** Why images cannot be mounted here, `undefined` where they can. */
export function whyNoMounts(): string | undefined {
  if (process.platform !== 'linux') return 'loop mounts are of Linux'
  if (process.getuid?.() !== 0) return 'only root mounts images'
  if (!existsSync('/dev/loop-control')) return 'no loop devices'
  const capabilities = /^CapEff:\s+([\da-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  // CAP_SYS_ADMIN, which root in a container may be without (linux/capability.h).
  if (((BigInt(`0x${capabilities}`) >> 21n) & 1n) === 0n) return 'root may not mount in this container'
  return undefined
}

/**
 * A disk in a file: an ext4 image, loop-mounted. What a process has synced has gone through the loop device into the
 * file; what it has not is in the page cache of the mount only. A copy of the file is the disk after a power cut.
 */
export class DiskImage {
  readonly directory: string
  readonly #site: Site
  readonly #file: string

  private constructor(site: Site, name: string) {
    this.#site = site
    this.#file = join(site.directory, `${name}.img`)
    this.directory = join(site.directory, name)
  }

  static create(site: Site, name: string): DiskImage {
    const image = new DiskImage(site, name)
    writeFileSync(image.#file, '')
    truncateSync(image.#file, imageBytes)
    // All of its tables now: a kernel thread that fills them in later would write while the test copies.
    command('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image.#file])
    image.#mount()
    return image
  }

  /** The disk as it is when the power goes now. Whoever writes to it must be stopped. Nothing is synced for it. */
  cutPower(name: string): DiskImage {
    const copy = new DiskImage(this.#site, name)
    command('cp', ['--sparse=always', this.#file, copy.#file])
    copy.#mount()
    return copy
  }

  #mount(): void {
    mkdirSync(this.directory)
    command('mount', ['-o', options, this.#file, this.directory])
    // The loop device was made by mount, and goes with it.
    this.#site.cleanup(async () => command('umount', [this.directory]))
  }
}

function command(name: string, args: readonly string[]): void {
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8', env: { ...process.env, PATH: path } })
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`)
}
