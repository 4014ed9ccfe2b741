import type { Channel, ClientStatus, Presence, Principal, Thing, ThingmeshError } from '@thingmesh/client-browser'
import type { MessageLog } from './message-log.ts'

/** What the page knows. One object, changed in one place, looked at by every part. */
export interface State {
  readonly status: ClientStatus
  readonly me: Principal | undefined
  /** Absent while they have not come yet. */
  readonly channels: readonly Channel[] | undefined
  readonly things: readonly Thing[] | undefined
  readonly registryError: ThingmeshError | undefined
  /** Who is there, by principal; absent while nobody has said. */
  readonly presences: ReadonlyMap<string, Presence> | undefined
  /** Why presences are no longer what is, but what was. */
  readonly presenceError: ThingmeshError | undefined
  /** The name of the channel that is shown. */
  readonly channel: string | undefined
  readonly rangeMs: number
  readonly log: MessageLog
  /** Counts the changes of the log, which is one object. */
  readonly logChanges: number
  readonly history: 'loading' | 'ready' | ThingmeshError
}

export interface Store {
  readonly state: State
  set(change: Partial<State>): void
  /** Calls once now, and then before the next frame whenever one of the keys has changed. */
  watch(keys: readonly (keyof State)[], draw: (state: State) => void): void
}

export function createStore(initial: State): Store {
  let state = initial
  const watchers: { readonly keys: readonly (keyof State)[]; readonly draw: (state: State) => void; due: boolean }[] =
    []
  let isAsked = false

  const drawDue = (): void => {
    isAsked = false
    for (const watcher of watchers) {
      if (!watcher.due) continue
      watcher.due = false
      watcher.draw(state)
    }
  }

  return {
    get state() {
      return state
    },
    set(change) {
      const changed = (Object.keys(change) as (keyof State)[]).filter(key => change[key] !== state[key])
      if (changed.length === 0) return
      state = { ...state, ...change }
      for (const watcher of watchers) watcher.due ||= watcher.keys.some(key => changed.includes(key))
      if (isAsked) return
      isAsked = true
      requestAnimationFrame(drawDue)
    },
    watch(keys, draw) {
      watchers.push({ keys, draw, due: false })
      draw(state)
    },
  }
}
