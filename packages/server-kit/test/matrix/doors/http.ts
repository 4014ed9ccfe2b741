import type { Door, Heard } from '../door.ts'

/** POST, and server-sent events. */
export function httpDoor(port: number): Door {
  const urlOf = (topic: string, query = '') => {
    const [channel, ...subtopic] = topic.split('/')
    const path = [channel!, 'messages', ...subtopic].map(encodeURIComponent).join('/')
    return `http://127.0.0.1:${port}/channels/${path}${query}`
  }
  return {
    name: 'HTTP',
    protocol: 'http',
    says: ['contentType', 'expiresInSeconds'],
    acks: 'id',
    tells: ['topic', 'contentType', 'expiresInSeconds', 'publisher', 'id'],
    async open({ key }) {
      const authorization = `Thing ${key}`
      const leaving = new AbortController()
      const heard: Heard[] = []
      const told: string[] = []
      return {
        heard,
        told,
        async publish({ topic, payload, contentType, expiresInSeconds }) {
          const response = await fetch(urlOf(topic, `?expires=${expiresInSeconds}`), {
            method: 'POST',
            headers: { authorization, 'content-type': contentType },
            body: Buffer.from(payload),
          })
          if (response.status !== 202) throw new Error(`refused with ${response.status}`)
          return ((await response.json()) as { id: string }).id
        },
        async listen(channel) {
          const headers = { authorization, accept: 'text/event-stream' }
          const response = await fetch(urlOf(channel), { headers, signal: leaving.signal })
          if (response.status !== 200) return false
          void hear(response, heard, told)
          return true
        },
        close: () => leaving.abort(),
      }
    },
  }
}

async function hear(response: Response, heard: Heard[], told: string[]): Promise<void> {
  let text = ''
  let type = ''
  try {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (text + chunk).split('\n')
      text = lines.pop()!
      for (const line of lines) {
        if (line.startsWith('event: ')) type = line.slice(7)
        else if (line === '') type = ''
        else if (line.startsWith('data: ') && type === '') heard.push(toHeard(JSON.parse(line.slice(6))))
        else if (line.startsWith('data: ')) told.push(`${type} ${line.slice(6)}`)
      }
    }
    told.push('ended')
  } catch {
    // Left, or cut.
  }
}

/** A message as JSON has it, or CBOR, where a payload is bytes. */
export function toHeard(fields: Record<string, unknown>): Heard {
  const { encoding, properties, ...heard } = fields as unknown as Heard & {
    readonly encoding?: 'text' | 'base64'
    readonly properties?: { readonly expiresInSeconds?: number }
  }
  const { topic, contentType, publisher, id, payload } = heard
  const bytes = typeof payload === 'string' ? Buffer.from(payload, encoding === 'base64' ? 'base64' : 'utf8') : payload
  const { expiresInSeconds } = properties ?? {}
  return { topic, contentType, publisher, id, payload: bytes, expiresInSeconds }
}
