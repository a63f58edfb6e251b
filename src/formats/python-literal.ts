/**
 * Python literals, as `ast.literal_eval` reads them and NumPy writes them into headers: dictionaries, tuples, lists,
 * strings, integers (with Python 2's `L`), True, False and None. Nothing is evaluated.
 */

/** Tuples and lists are arrays, dictionaries Maps. */
export type PythonLiteral = null | boolean | number | string | PythonLiteral[] | Map<string, PythonLiteral>

/** Containers inside containers: headers of structured arrays have four. */
const MAX_DEPTH = 16

/** @throws SyntaxError saying what is wrong and at which character */
export function parsePythonLiteral(text: string): PythonLiteral {
  return new LiteralParser(text).parse()
}

class LiteralParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): PythonLiteral {
    const value = this.#value(0)
    this.#space()
    if (this.#at < this.#text.length) this.#fail('something follows the value')
    return value
  }

  #value(depth: number): PythonLiteral {
    if (depth > MAX_DEPTH) this.#fail('it is nested too deeply')
    this.#space()
    const character = this.#text[this.#at]
    if (character === '{') return this.#dictionary(depth)
    if (character === '(') return this.#sequence(')', depth)
    if (character === '[') return this.#sequence(']', depth)
    const word = this.#match(/(True|False|None)\b/y)
    if (word !== undefined) return word === 'None' ? null : word === 'True'
    const prefix = this.#match(/[ub](?=['"])/iy)
    if (prefix !== undefined || character === "'" || character === '"') return this.#string()
    const digits = this.#match(/[+-]?\d+[lL]?/y)
    if (digits === undefined) return this.#fail('a value is missing')
    return Number(digits.replace(/l$/i, ''))
  }

  #dictionary(depth: number): Map<string, PythonLiteral> {
    const result = new Map<string, PythonLiteral>()
    this.#at++
    while (!this.#accept('}')) {
      const key = this.#value(depth + 1)
      if (typeof key !== 'string') return this.#fail('a key is not a string')
      if (result.has(key)) this.#fail(`the key ${key} appears twice`)
      if (!this.#accept(':')) this.#fail('a colon is missing')
      result.set(key, this.#value(depth + 1))
      if (this.#accept(',')) continue
      if (!this.#accept('}')) this.#fail('a comma is missing')
      break
    }
    return result
  }

  /** `(a)` is an array of one here, as `(a,)` is: shapes are all that stands in parentheses. */
  #sequence(end: ')' | ']', depth: number): PythonLiteral[] {
    const result: PythonLiteral[] = []
    this.#at++
    while (!this.#accept(end)) {
      result.push(this.#value(depth + 1))
      if (this.#accept(',')) continue
      if (!this.#accept(end)) this.#fail('a comma is missing')
      break
    }
    return result
  }

  #string(): string {
    const quote = this.#text[this.#at]!
    const end = this.#text.indexOf(quote, this.#at + 1)
    if (end < 0) return this.#fail('a string has no end')
    const value = this.#text.slice(this.#at + 1, end)
    if (value.includes('\\')) this.#fail('a string has an escape')
    this.#at = end + 1
    return value
  }

  /** What a sticky expression matches here. */
  #match(expression: RegExp): string | undefined {
    expression.lastIndex = this.#at
    const found = expression.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #space(): void {
    this.#match(/[ \t\r\n]+/y)
  }

  #accept(character: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #fail(problem: string): never {
    throw new SyntaxError(`${problem} (character ${this.#at})`)
  }
}
