/** Text for terminals. Names and labels come from files and may contain sequences that a terminal would execute. */

/**
 * Control characters (C0, delete and C1, among them escape and carriage return), line and paragraph separators, and the
 * marks that reorder text (Unicode TR 9, section 2) and so can make one name look like another.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** One line of text with such characters written as `\u001b`. */
export function printable(text: string): string {
  return text.replace(unsafe, spelled)
}

/** A value as one line of JSON, safe to print. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, spelled)
}

/** A line of JSON that others wrote, safe to print. */
export function logLine(json: string): string {
  return `${printable(json.trimEnd())}\n`
}

/** A number of steps as text: 1 step, 4 steps. */
export function stepCount(steps: number): string {
  return `${steps} ${steps === 1 ? 'step' : 'steps'}`
}

function spelled(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A comma-separated list as lines of at most `width` columns. */
export function wrappedList(items: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const [i, item] of items.entries()) {
    const text = i < items.length - 1 ? `${item},` : item
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + text.length <= width) lines[lines.length - 1] = `${last} ${text}`
    else lines.push(text)
  }
  return lines
}
