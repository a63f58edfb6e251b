/** Facts of a result as headers of a response: `sampleRate` as `Diffwave-Sample-Rate`. */
import { MAX_FACT_CHARACTERS } from '../limits.js'
import type { Facts } from '../operations/operation.js'

/** Names of headers that pages of other origins may read. */
export const factHeaders = [
  ...['model', 'seed', 'steps', 'sample-rate', 'samples', 'label', 'system', 'step', 'noise', 'notes'],
  ...['bands', 'frames', 'hop', 'convention', 't', 'alpha-bar', 'noise-level', 'snr'],
].map(name => `diffwave-${name}`)

/** Headers hold ASCII alone: other characters are written as in JSON. */
function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, character =>
    [...Array(character.length).keys()]
      .map(i => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

/** The facts as headers, without those that are too long for one: a job has them among its files. */
export function headersOf(facts: Facts): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(facts)) {
    if (value === null || value === undefined) continue
    const text = ascii(typeof value === 'string' ? value : JSON.stringify(value))
    if (text.length > MAX_FACT_CHARACTERS) continue
    headers[`diffwave-${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`] = text
  }
  return headers
}
