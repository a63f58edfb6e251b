/**
 * `metadata.csv`: the classes of a folder's recordings, as a table without a header whose columns are the recording,
 * its class and, optionally, the second from which the class holds. Columns are separated by commas, bars (as LJSpeech
 * has them) or tabs, or by semicolons if the file has nothing else; names may be quoted.
 */
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { DiffWaveError } from '../core/errors.js'
import { MAX_METADATA_BYTES } from '../core/limits.js'
import { readFileBytes } from '../core/read-file.js'

export const METADATA_FILE = 'metadata.csv'

/** A line of the table. */
export interface MetadataEntry {
  /** The recording as the table names it: a path below the folder, or the end of one, with or without the ending. */
  readonly name: string
  readonly label: string
  /** The second from which the label holds. */
  readonly from: number
}

/** A folder's table; null if it has none. @throws DiffWaveError `NOT_READABLE`, `TOO_LARGE` */
export async function readMetadata(folder: string): Promise<readonly MetadataEntry[] | null> {
  const path = join(folder, METADATA_FILE)
  let bytes: Uint8Array
  try {
    bytes = await readFileBytes(path, { maxBytes: MAX_METADATA_BYTES })
  } catch (error) {
    // Most folders have none. A folder or a pipe of that name is no table either.
    if (error instanceof DiffWaveError && ['FILE_NOT_FOUND', 'NOT_A_FILE'].includes(error.code)) return null
    throw error
  }
  return parseMetadata(decodeText(bytes))
}

/**
 * Text of a file: UTF-8, or what spreadsheets write: UTF-16, recognised by its byte order mark, and Windows-1252 if it
 * is not UTF-8.
 */
function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return decodeWindows1252(bytes)
  }
}

/** The characters that Windows-1252 has for bytes 0x80 to 0x9F. Those that it leaves undefined stand for themselves. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8DŽ\x8F\x90‘’“”•–—˜™š›œ\x9DžŸ'

/** Decodes Windows-1252. Some versions of Node.js, such as 20, decode it as Latin-1 (nodejs/node#56542). */
function decodeWindows1252(bytes: Uint8Array): string {
  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return latin1.replace(/[\x80-\x9F]/g, character => WINDOWS_1252[character.charCodeAt(0) - 0x80]!)
}

/** The lines of a table that have a name and a label. */
export function parseMetadata(text: string): readonly MetadataEntry[] {
  const entries: MetadataEntry[] = []
  for (const [name = '', label = '', second = ''] of rows(text)) {
    if (name === '' || label === '') continue
    // In other projects' files the third column is text.
    const from = /^\d+([.,]\d+)?$/.test(second) ? Number(second.replace(',', '.')) : 0
    entries.push({ name, label, from })
  }
  return entries
}

/** Cells of a table, without the quotes and the space around them. */
function rows(text: string): readonly (readonly string[])[] {
  const options = {
    bom: true,
    delimiter: separators(text),
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  }
  try {
    const quoted: string[][] = parse(text, options)
    // A cell of several lines is an apostrophe that nothing closes, not a name.
    if (quoted.every(row => row.every(cell => !cell.includes('\n')))) return quoted
  } catch {
    // LJSpeech has quotation marks inside its cells, in no order: there they are text.
  }
  const plain: string[][] = parse(text, { ...options, quote: false })
  return plain.map(row => row.map(cell => (/^"[^"]*"$/.test(cell) ? cell.slice(1, -1).trim() : cell)))
}

/**
 * What separates the columns: what every line has and nothing else does; if that does not tell, what comes first in
 * every line. Semicolons, which names and labels may contain, only if the other separators do not occur, but for
 * decimal commas.
 */
function separators(text: string): string[] {
  const lines = text
    .split(/\r\n|\n|\r/)
    .map(line => line.replaceAll(/"[^"]*"/g, ''))
    .filter(line => line.trim() !== '')
  // Nothing may be left of lines in quotes.
  if (
    lines.length > 0 &&
    lines.every(line => line.includes(';') && !/[,|\t]/.test(line.replace(/;\s*\d+,\d+\s*$/, '')))
  ) {
    return [';']
  }
  const firsts = new Set(lines.map(line => /[,|\t]/.exec(line)?.[0]))
  const [first] = firsts
  return firsts.size === 1 && first !== undefined ? [first] : [',', '|', '\t']
}
