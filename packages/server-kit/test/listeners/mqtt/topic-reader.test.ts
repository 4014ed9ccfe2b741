import type { Principal } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import { mainfluxTopics, rawTopics } from '../../../src/dialects/index.ts'
import { readerOf, TopicReader } from '../../../src/listeners/mqtt/topic-reader.ts'
import { TopicWriter } from '../../../src/listeners/mqtt/topic-writer.ts'

const principal: Principal = { id: 'thing:1', kind: 'thing', domain: 'd1' }

describe('TopicReader', () => {
  it('is not there where there is nothing to read', () => {
    expect(readerOf([], principal)).toBe(undefined)
  })

  it('reads the filter within a shared subscription, and leaves the group alone', () => {
    const mainflux = new TopicReader([mainfluxTopics()], principal)
    expect(mainflux.filter('$share/g/channels/c/messages/#')).toEqual({ filter: '$share/g/c/#', dialect: 'mainflux' })
    expect(mainflux.filter('$share/channels/channels/c/messages')).toMatchObject({ filter: '$share/channels/c' })
    expect(mainflux.filter('$share/g/a/#')).toEqual({ filter: '$share/g/a/#', dialect: undefined })
    const raw = new TopicReader([rawTopics({ channel: 'open' })], principal)
    expect(raw.filter('$share/g//a/#')).toEqual({ filter: '$share/g/open//a/#', dialect: 'raw' })
    for (const text of ['$share/g/$SYS/#', '$share/g/$share/h/a', '$share/g', '$SYS/#']) {
      expect(() => raw.filter(text), text).toThrow('starts with $')
    }
  })

  it('reads a topic of the first dialect that claims it, however often it comes', () => {
    const reader = new TopicReader([mainfluxTopics(), rawTopics({ channel: 'open' })], principal)
    for (let i = 0; i < 200; i++) {
      expect(reader.topic(`channels/c${i % 70}/messages/a`)).toBe(`c${i % 70}/a`)
      expect(reader.topic(`/a/${i}`)).toBe(`open//a/${i}`)
    }
  })
})

describe('TopicWriter', () => {
  it('writes in the dialect of the label, and in our own way where it does not know it', () => {
    const writer = new TopicWriter([mainfluxTopics()])
    expect(writer.write('c/a', undefined)).toBe('c/a')
    expect(writer.write('c/a', 'mainflux')).toBe('channels/c/messages/a')
    expect(writer.write('c/a', 'magistrala acme')).toBe('c/a')
  })
})
