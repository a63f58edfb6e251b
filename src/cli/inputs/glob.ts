/**
 * Patterns that name several files, for shells that expand none and for lists too long for a command line. Own code:
 * Node 20 has no `fs.glob`.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfAborted } from '../../core/errors.js'

/** Whether a text has the signs of a pattern. */
export function isPattern(text: string): boolean {
  return /[*?[{]/.test(text)
}

/** The folders of a pattern before its first sign, which are taken as they stand. */
export function patternBase(pattern: string): string {
  const parts = pattern.split('/')
  return parts.slice(0, parts.findIndex(isPattern)).join('/')
}

/**
 * The files that match a pattern, in order: `*` and `?` within a name, `[a-z]`, `{wav,flac}`, and `**` for folders of
 * any depth; at the end, `**` stands for all files below. Hidden files match only a pattern that begins with a dot.
 * Links to folders are followed, but not by `**`.
 *
 * @throws DiffWaveError `ABORTED`
 */
export async function matchingFiles(pattern: string, signal?: AbortSignal): Promise<string[]> {
  const found = new Set<string>()
  for (const one of withoutBraces(pattern)) {
    const absolute = one.startsWith('/')
    // Several `**` in a row mean the same as one, and would search the same folders over and over.
    const parts = one.split('/').filter((part, i, all) => part !== '' && (part !== '**' || all[i - 1] !== '**'))
    if (parts.at(-1) === '**') parts.push('*')
    await match(absolute ? '/' : '', parts, { found, signal })
  }
  return [...found].sort()
}

/** `a.{wav,flac}` → `a.wav`, `a.flac`. */
function withoutBraces(pattern: string): string[] {
  const braces = /\{([^{}]*)\}/.exec(pattern)
  if (braces === null) return [pattern]
  const before = pattern.slice(0, braces.index)
  const after = pattern.slice(braces.index + braces[0].length)
  return braces[1]!.split(',').flatMap(choice => withoutBraces(before + choice + after))
}

interface Search {
  readonly found: Set<string>
  readonly signal: AbortSignal | undefined
}

/** Adds the files below a folder that match. @throws DiffWaveError `ABORTED` */
async function match(folder: string, parts: readonly string[], search: Search): Promise<void> {
  const { found, signal } = search
  throwIfAborted(signal)
  const [part, ...rest] = parts
  if (part === undefined) return
  if (!isPattern(part)) {
    const path = folder + part
    if (rest.length > 0) await match(`${path}/`, rest, search)
    else if (await isFile(path)) found.add(path)
    return
  }
  const entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true }).catch(() => [])
  if (part === '**') {
    await match(folder, rest, search)
    for (const entry of entries) {
      if (entry.isDirectory() && !entry.name.startsWith('.')) await match(`${folder}${entry.name}/`, parts, search)
    }
    return
  }
  const expression = nameExpression(part)
  for (const entry of entries) {
    const { name } = entry
    if (!expression.test(name) || (name.startsWith('.') && !part.startsWith('.'))) continue
    const path = folder + name
    if (rest.length > 0) await match(`${path}/`, rest, search)
    else if (entry.isFile() || (await isFile(join(path)))) found.add(path)
  }
}

/** A pattern of one name as a regular expression. */
function nameExpression(part: string): RegExp {
  const source = part.replace(/\[(!?)([^\]]*)\]|\*+|\?|[\\^$.|+(){}[\]]/g, (sign, not?: string, set?: string) => {
    if (set !== undefined && set !== '') return `[${not ? '^' : ''}${set.replace(/[\\^[\]]/g, '\\$&')}]`
    if (sign.startsWith('*')) return '.*'
    return sign === '?' ? '.' : `\\${sign}`
  })
  try {
    return new RegExp(`^${source}$`, 'u')
  } catch {
    // A range the wrong way round, as [z-a], matches nothing, as in shells.
    return /(?!)/
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    status => !status.isDirectory(),
    () => false,
  )
}
