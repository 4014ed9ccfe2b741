import { type Principal, ThingmeshError } from '@thingmesh/core'
import { ReasonCode } from '@thingmesh/core/mqtt'

/** What the embedding program may decide about each peer. */
export interface MqttDecisions {
  /**
   * What MQTT 5 clients that ask for Response Information are given (section 3.1.2.11.6): a topic below which they may
   * have their answers sent. Name one that this peer may subscribe to.
   */
  readonly responseInformation?: ((principal: Principal) => string | undefined) | undefined
  /**
   * Where a peer should go instead (section 4.11): asked when it is proved and has changed nothing yet, and once more
   * when the hub stops.
   */
  readonly redirect?: ((principal: Principal) => Redirection | undefined) | undefined
}

export interface Redirection {
  /** `host` or `host:port`, or several with spaces between them. */
  readonly reference: string
  /** The peer should come back here no more. */
  readonly permanent?: boolean | undefined
}

const textLengthMax = 1024

/** The program's decisions, as far as it gets to them: one that throws is none, and is reported. */
export class Decisions {
  readonly #decide: MqttDecisions
  readonly #onFault: (error: unknown) => void

  constructor(decide: MqttDecisions, onFault: (error: unknown) => void) {
    this.#decide = decide
    this.#onFault = onFault
  }

  responseInformation(principal: Principal): string | undefined {
    return this.#ask(() => checked('responseInformation', this.#decide.responseInformation?.(principal)))
  }

  /** What the peer is refused with. */
  redirection(principal: Principal): ThingmeshError | undefined {
    const to = this.#ask(() => {
      const answer = this.#decide.redirect?.(principal)
      return answer && { permanent: answer.permanent, reference: checked('redirect', answer.reference) }
    })
    if (to?.reference === undefined) return undefined
    const reasonCode = to.permanent === true ? ReasonCode.serverMoved : ReasonCode.useAnotherServer
    return new ThingmeshError('unavailable', 'another server is to be used', {
      details: { reasonCode, serverReference: to.reference },
    })
  }

  #ask<Answer>(question: () => Answer): Answer | undefined {
    try {
      return question()
    } catch (error) {
      this.#onFault(error)
      return undefined
    }
  }
}

function checked(option: keyof MqttDecisions, text: string | undefined): string | undefined {
  if (text === undefined || (typeof text === 'string' && text !== '' && text.length <= textLengthMax)) return text
  throw new TypeError(`mqttListener: ${option} gives a text of 1 to ${textLengthMax} characters`)
}
