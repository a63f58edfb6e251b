/**
 * Patterns that name several files, for shells that expand none and for lists too long for a command line. Own code:
 * Node 20 has no `fs.glob`.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

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
 * any depth. Hidden files match only a pattern that begins with a dot. Links to folders are followed, but not by `**`.
 */
export async function matchingFiles(pattern: string): Promise<string[]> {
  const found = new Set<string>()
  for (const one of withoutBraces(pattern)) {
    const absolute = one.startsWith('/')
    const parts = one.split('/').filter(part => part !== '')
    for (const path of await matches(absolute ? '/' : '', parts)) found.add(path)
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

async function matches(folder: string, parts: readonly string[]): Promise<string[]> {
  const [part, ...rest] = parts
  if (part === undefined) return []
  if (!isPattern(part)) {
    const path = folder + part
    return rest.length === 0 ? ((await isFile(path)) ? [path] : []) : matches(`${path}/`, rest)
  }
  const entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true }).catch(() => [])
  const paths: string[] = []
  if (part === '**') {
    paths.push(...(await matches(folder, rest)))
    for (const entry of entries) {
      if (entry.isDirectory() && !entry.name.startsWith('.'))
        paths.push(...(await matches(`${folder}${entry.name}/`, parts)))
    }
    return paths
  }
  const expression = nameExpression(part)
  for (const { name } of entries) {
    if (!expression.test(name) || (name.startsWith('.') && !part.startsWith('.'))) continue
    const path = folder + name
    if (rest.length > 0) paths.push(...(await matches(`${path}/`, rest)))
    else if (await isFile(join(path))) paths.push(path)
  }
  return paths
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
