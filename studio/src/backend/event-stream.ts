/** Server-sent events (WHATWG HTML, section 9.2) of a response. `EventSource` cannot send a token. */

export interface ServerEvent {
  readonly id: string
  readonly name: string
  readonly data: unknown
}

/** The event of a block of lines; `null` for comments and for events without data. */
export function parseEvent(block: string): ServerEvent | null {
  let [id, name] = ['', 'message']
  const data: string[] = []
  for (const line of block.split(/\r?\n/)) {
    const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
    if (field === 'id') id = value
    else if (field === 'event') name = value
    else if (field === 'data') data.push(value)
  }
  return data.length === 0 ? null : { id, name, data: JSON.parse(data.join('\n')) }
}

/** The service sends a comment every 15 s. If three of them are missing, the connection is lost. */
const SILENT_MILLISECONDS = 50_000

/**
 * The events of a body, until it ends or breaks off. For the rest, the caller sends another request.
 *
 * @param silence milliseconds without a byte after which the connection counts as lost
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silence = SILENT_MILLISECONDS,
): AsyncGenerator<ServerEvent, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    while (true) {
      const timer = setTimeout(() => void reader.cancel().catch(() => undefined), silence)
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }))
      clearTimeout(timer)
      if (done || value === undefined) return
      text += decoder.decode(value, { stream: true })
      const blocks = text.split(/\r?\n\r?\n/)
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const event = parseEvent(block)
        if (event !== null) yield event
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
