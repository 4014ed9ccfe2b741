import type { Principal } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import { magistralaTopics, mainfluxTopics } from '../../src/dialects/index.ts'

const principal: Principal = { id: 'thing:1', kind: 'thing', domain: 'd1', domainName: 'acme' }

describe('mainfluxTopics', () => {
  const dialect = mainfluxTopics()

  it.each([
    ['channels/c/messages', 'c'],
    ['channels/c/messages/a/b', 'c/a/b'],
    ['channels/c/messages//b', 'c//b'],
    ['channels/channels/messages/channels', 'channels/channels'],
    ['channels/+/messages', '+'],
    ['channels/+/messages/#', '+/#'],
    ['channels/c/messages/+/x', 'c/+/x'],
  ])('claims %s for %s', (text, filter) => {
    expect(dialect.readFilter(text, principal)).toEqual({ filter, variant: '' })
  })

  it.each([
    'channels',
    'channels/c',
    'channels/c/messages2',
    'channels/c/state/messages',
    'channels//messages/a',
    'channels/$share/messages/g/a',
    'channels/#',
    'channels/+/+/a',
    'channels/c/+/a',
    '+/c/messages/a',
    '/channels/c/messages',
    'Channels/c/messages',
    '#',
  ])('leaves %s as it is', text => {
    expect(dialect.readFilter(text, principal)).toBe(undefined)
  })
})

describe('magistralaTopics', () => {
  const dialect = magistralaTopics()

  it.each([
    ['m/acme/c/temperature', 'temperature', 'acme'],
    ['m/d1/c/temperature/a/b', 'temperature/a/b', 'd1'],
    ['m/d1/c/+/a', '+/a', 'd1'],
    ['m/acme/c/#', '#', 'acme'],
  ])('claims %s for %s', (text, filter, variant) => {
    expect(dialect.readFilter(text, principal)).toEqual({ filter, variant })
  })

  it.each(['m', 'm/acme', 'm/acme/c', 'm/acme/c/', 'm//c/a', 'm/acme/d/a', 'm/acme/c/$share/g/a', 'm/#', '+/acme/c/a'])(
    'leaves %s as it is',
    text => {
      expect(dialect.readFilter(text, principal)).toBe(undefined)
    },
  )

  it.each(['m/other/c/a', 'm/+/c/a', 'm/d2/c/#'])('refuses %s, which names another domain than the own one', text => {
    expect(() => dialect.readFilter(text, principal)).toThrow('the domain in the topic is not the own one')
    expect(() => dialect.readTopic(text, principal)).toThrow(expect.objectContaining({ code: 'permission-denied' }))
  })

  it('knows a domain without a name by its id alone', () => {
    const { domainName: _, ...nameless } = principal
    expect(dialect.readTopic('m/d1/c/a', nameless)).toBe('a')
    expect(() => dialect.readTopic('m/acme/c/a', nameless)).toThrow('not the own one')
    expect(() => dialect.readTopic('m/undefined/c/a', nameless)).toThrow('not the own one')
  })
})
