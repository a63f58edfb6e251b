/**
 * The JSON header of a safetensors file: name → {dtype, shape, data_offsets}, and `__metadata__`, text → text. A parser
 * of its own, because JSON.parse hides repeated names and builds whatever a hostile header nests. This one goes over
 * the text once, accepts these two shapes only, and stops at the first tensor too many.
 */
import { DiffWaveError } from '../core/errors.js'
import { MAX_TENSOR_AXES, MAX_TENSORS } from '../core/limits.js'
import { bytesPerNumber, type NumberType } from './numbers.js'

/** The header's entry for one tensor. `offsets` count from the end of the header. */
export interface SafetensorsEntry {
  readonly dtype: NumberType
  readonly shape: readonly number[]
  readonly offsets: readonly [number, number]
}

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>
  readonly metadata: ReadonlyMap<string, string>
}

/** The member of the header that is not a tensor. */
export const METADATA = '__metadata__'

/**
 * @throws DiffWaveError `BAD_SAFETENSORS`, `TOO_LARGE` (too many tensors), `UNSUPPORTED_FORMAT` (a dtype that is not
 * read)
 */
export function parseSafetensorsHeader(text: string, where: string): SafetensorsHeader {
  return new HeaderParser(text, where).header()
}

/** A cursor over the header's text, one method for each thing the grammar knows. */
class HeaderParser {
  readonly #text: string
  readonly #where: string
  #at = 0

  constructor(text: string, where: string) {
    this.#text = text
    this.#where = where
  }

  header(): SafetensorsHeader {
    const entries = new Map<string, SafetensorsEntry>()
    let metadata: ReadonlyMap<string, string> | undefined
    this.#members(name => {
      if (name === METADATA) {
        if (metadata !== undefined) throw this.#bad(`${METADATA} appears twice`)
        metadata = this.#metadata()
        return
      }
      if (entries.has(name)) throw this.#bad(`the name ${shown(name)} appears twice`)
      if (entries.size === MAX_TENSORS) {
        throw new DiffWaveError('TOO_LARGE', 'the file holds too many tensors', {
          expected: `at most ${MAX_TENSORS}`,
          where: this.#where,
        })
      }
      entries.set(name, this.#entry(name))
    })
    this.#space()
    if (this.#at < this.#text.length) throw this.#bad('text follows the header’s object')
    return { entries, metadata: metadata ?? new Map() }
  }

  #metadata(): Map<string, string> {
    const metadata = new Map<string, string>()
    this.#members(key => {
      if (metadata.has(key)) throw this.#bad(`the key ${shown(key)} of ${METADATA} appears twice`)
      metadata.set(key, this.#string(METADATA))
    })
    return metadata
  }

  #entry(name: string): SafetensorsEntry {
    let dtype: NumberType | undefined
    let shape: number[] | undefined
    let offsets: number[] | undefined
    this.#members(key => {
      if (key === 'dtype' && dtype === undefined) dtype = this.#dtype(name)
      else if (key === 'shape' && shape === undefined) shape = this.#integers(MAX_TENSOR_AXES)
      else if (key === 'data_offsets' && offsets === undefined) offsets = this.#integers(2)
      else throw this.#bad(`the entry of ${shown(name)} has an unknown or repeated field ${shown(key)}`)
    })
    const [from, to] = offsets ?? []
    if (dtype === undefined || shape === undefined || from === undefined || to === undefined) {
      throw this.#bad(`the entry of ${shown(name)} needs dtype, shape and two data_offsets`)
    }
    return { dtype, shape, offsets: [from, to] }
  }

  #dtype(name: string): NumberType {
    const dtype = this.#string(`the dtype of ${shown(name)}`)
    if (Object.hasOwn(bytesPerNumber, dtype)) return dtype as NumberType
    throw new DiffWaveError('UNSUPPORTED_FORMAT', `unsupported dtype of the tensor ${shown(name)}`, {
      expected: Object.keys(bytesPerNumber).join(', '),
      got: shown(dtype),
      where: this.#where,
    })
  }

  /** An object's members: `read` is called after each name and colon. */
  #members(read: (name: string) => void): void {
    this.#expect('{')
    if (this.#accept('}')) return
    do {
      const name = this.#string('a name')
      this.#expect(':')
      read(name)
    } while (this.#accept(','))
    this.#expect('}')
  }

  #integers(max: number): number[] {
    const values: number[] = []
    this.#expect('[')
    if (this.#accept(']')) return values
    do {
      if (values.length === max) throw this.#bad(`a list holds more than ${max} numbers`)
      values.push(this.#integer())
    } while (this.#accept(','))
    this.#expect(']')
    return values
  }

  #integer(): number {
    this.#space()
    const start = this.#at
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++
    const digits = this.#text.slice(start, Math.min(this.#at, start + 17))
    const value = Number(digits)
    if (digits === '' || !Number.isSafeInteger(value) || (digits.length > 1 && digits.startsWith('0'))) {
      throw this.#bad('a size is not a non-negative integer')
    }
    return value
  }

  #string(what: string): string {
    this.#space()
    const start = this.#at
    if (this.#text[start] !== '"') throw this.#bad(`${what} is not a string`)
    let end = start + 1
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1
    this.#at = end + 1
    try {
      // Unescapes, and refuses what is not a JSON string.
      return JSON.parse(this.#text.slice(start, this.#at)) as string
    } catch (error) {
      this.#at = start
      throw this.#bad(`${what} is not a JSON string`, error)
    }
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #accept(character: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #expect(character: string): void {
    if (!this.#accept(character)) throw this.#bad(`the header is not the JSON of a safetensors file: no ${character}`)
  }

  #bad(problem: string, cause?: unknown): DiffWaveError {
    return new DiffWaveError('BAD_SAFETENSORS', problem, { where: `${this.#where}, character ${this.#at}`, cause })
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** A name as an error shows it: quoted, and not longer than a line. */
function shown(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)
}
