/** How long and how deep a topic or a filter may be. */
export interface TopicLimits {
  /** Bytes of its UTF-8 encoding. */
  readonly topicBytesMax: number
  /** Levels, the channel included. */
  readonly topicLevelsMax: number
}

/** The safe defaults of `shared/LIMITS.md`. */
export const defaultTopicLimits: TopicLimits = { topicBytesMax: 256, topicLevelsMax: 16 }

/** Bytes of a channel's name. */
export const channelNameBytesMax = 64
