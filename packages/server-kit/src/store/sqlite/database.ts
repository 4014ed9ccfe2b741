import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type ErrorCode, isThingmeshError, ThingmeshError } from '@thingmesh/core'
import type { OpenOptions } from './protocol.ts'
import { applicationId, migrations } from './schema.ts'

const cacheKibibytes = 16 * 1024
const checkpointPages = 4096
const walBytesMax = 64 * 1024 * 1024

/** SQLite's primary result codes (sqlite.org/rescode.html) that are the world's fault. All others are ours. */
const codes: ReadonlyMap<number, { readonly code: ErrorCode; readonly found: string }> = new Map([
  [5, { code: 'conflict', found: 'it is in use by another store or process' }],
  [6, { code: 'conflict', found: 'it is in use by another store or process' }],
  [8, { code: 'unavailable', found: 'it cannot be written' }],
  [10, { code: 'unavailable', found: 'input or output failed' }],
  [11, { code: 'unavailable', found: 'it is damaged' }],
  [13, { code: 'unavailable', found: 'the disk is full' }],
  [14, { code: 'unavailable', found: 'it cannot be opened' }],
  [26, { code: 'unavailable', found: 'it is not a SQLite database' }],
])

/** Opens, locks and migrates. Throws as `Store.start` does. */
export function openDatabase({ path, durability }: OpenOptions): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    createFile(path)
    db = new DatabaseSync(path)
    // The lock is taken with the first read and kept: one process, one connection, and no shared-memory file.
    db.exec('PRAGMA locking_mode = EXCLUSIVE')
    const version = checkVersion(db, path)
    if (version === 0) db.exec('PRAGMA auto_vacuum = INCREMENTAL')
    const mode = readPragma(db, 'journal_mode = WAL')
    if (mode !== 'wal') throw new ThingmeshError('unavailable', `${path} cannot have a write-ahead log, only ${mode}`)
    db.exec(`
      PRAGMA synchronous = ${durability === 'disk' ? 'FULL' : 'NORMAL'};
      PRAGMA cache_size = -${cacheKibibytes};
      PRAGMA wal_autocheckpoint = ${checkpointPages};
      PRAGMA journal_size_limit = ${walBytesMax};
      PRAGMA trusted_schema = OFF;
    `)
    migrate(db, version)
    return db
  } catch (error) {
    db?.close()
    throw toStoreError(error, path)
  }
}

/** All of `work` or nothing of it. */
export function inTransaction<Result>(db: DatabaseSync, work: () => Result): Result {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    try {
      db.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
    throw error
  }
}

export function readPragma(db: DatabaseSync, pragma: string): unknown {
  const row = db.prepare(`PRAGMA ${pragma}`).get()
  return row === undefined ? undefined : Object.values(row)[0]
}

export function toStoreError(error: unknown, path: string): ThingmeshError {
  if (isThingmeshError(error)) return error
  const { errcode, code } = error as { readonly errcode?: number; readonly code?: string }
  const known = errcode === undefined ? undefined : codes.get(errcode & 0xff)
  if (known !== undefined) return new ThingmeshError(known.code, `cannot use ${path}: ${known.found}`, { cause: error })
  if (errcode === undefined && /^E[A-Z]+$/.test(code ?? '')) {
    return new ThingmeshError('unavailable', `cannot use ${path}: ${code}`, { cause: error })
  }
  const found = errcode === undefined ? 'an internal error' : `SQLite result ${errcode}`
  return new ThingmeshError('internal', `cannot use ${path}: ${found}`, { cause: error })
}

/** SQLite gives its side files the mode of the database, so that nobody else reads any of them. */
function createFile(path: string): void {
  const directory = dirname(path)
  makeDirectory(directory)
  closeSync(openSync(path, 'a', 0o600))
  if (process.platform === 'win32') return
  // The file's name must survive a power cut as surely as what is in it.
  const handle = openSync(directory, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Nobody else may look into what is made. By hand, because Node's own tries for ever where a parent denies that it is there, as in /proc. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return
  const parent = dirname(directory)
  if (parent !== directory) makeDirectory(parent)
  mkdirSync(directory, { mode: 0o700 })
}

function checkVersion(db: DatabaseSync, path: string): number {
  const version = Number(readPragma(db, 'user_version'))
  const application = Number(readPragma(db, 'application_id'))
  const tables = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n
  if (application === 0 && version === 0 && tables === 0) return 0
  if (application !== applicationId) {
    throw new ThingmeshError('unsupported', `${path} is a database of something else`)
  }
  if (version > migrations.length) {
    throw new ThingmeshError(
      'unsupported',
      `${path} has version ${version}, written by a newer release; this one reads up to ${migrations.length}`,
    )
  }
  return version
}

function migrate(db: DatabaseSync, from: number): void {
  if (from === migrations.length) return
  inTransaction(db, () => {
    for (const statements of migrations.slice(from)) db.exec(statements)
    db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`)
  })
}
