/** How long and how deep a topic or a filter may be, and what it may be written with. */
export interface TopicLimits {
  /** Bytes of its UTF-8 encoding. */
  readonly topicBytesMax: number
  /** Levels, the channel included. */
  readonly topicLevelsMax: number
  /**
   * C0, DEL, C1 and U+FEFF too, which MQTT discourages and lets through (MQTT 5, section 1.5.4); false by default. NUL and
   * lone surrogates are refused in any case.
   */
  readonly topicControlCharacters?: boolean | undefined
}

/** The safe defaults of `shared/LIMITS.md`. */
export const defaultTopicLimits: TopicLimits = {
  topicBytesMax: 256,
  topicLevelsMax: 16,
  topicControlCharacters: false,
}

/** Bytes of a channel's name. */
export const channelNameBytesMax = 64

/** Bytes of the name that the members of a shared subscription have in common. */
export const shareNameBytesMax = 64
