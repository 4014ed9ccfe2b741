/** What a timer takes; a longer delay would be none. */
const timerMsMax = 2 ** 31 - 1

/** A will that goes out when its time is over or the session ends, and not at all if the peer is back before (MQTT 5, section 3.1.3.2.2). */
export class PostponedWill {
  #publish: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  set(publish: () => void, delaySeconds: number): void {
    this.drop()
    this.#publish = publish
    this.#timer = setTimeout(() => this.publish(), Math.min(delaySeconds * 1000, timerMsMax)).unref()
  }

  /** Now, if there is one. */
  publish(): void {
    const publish = this.#publish
    this.drop()
    publish?.()
  }

  drop(): void {
    clearTimeout(this.#timer)
    this.#publish = undefined
  }
}
