import type { Channel, ChannelName, DomainId } from '@thingmesh/core'

/** What the pipeline asks of the registry, once per topic until the next change. */
export interface ChannelDirectory {
  find(domain: DomainId, name: ChannelName): Channel | undefined
  list(): Iterable<Channel>
}
