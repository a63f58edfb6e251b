/** Text on its way to a terminal: names and labels come from files, and may hold what a terminal would obey. */

/**
 * Control characters (C0, delete, C1: escape sequences, carriage returns), line and paragraph separators, and the marks
 * that reorder text (Unicode TR 9, section 2), which can make a name read as another.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** One line of text in which such characters are spelled out, as `\u001b`. */
export function printable(text: string): string {
  return text.replace(unsafe, spelled)
}

/** A value as one line of JSON, safe to print. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, spelled)
}

function spelled(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A list as lines no longer than `width`, broken after commas. */
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
