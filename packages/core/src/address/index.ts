export { filterCovers, filtersIntersect, matchesFilter, parseFilter } from './filter.ts'
export { FilterTrie } from './filter-trie.ts'
export { channelNameBytesMax, defaultTopicLimits, type TopicLimits } from './limits.ts'
export { parseChannelName, parseTopic, toTopic } from './topic.ts'
