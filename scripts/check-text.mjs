// Checks the text of the repository; part of `npm run check`.
//
// 1. No line is longer than 120 columns in source files, documentation and configuration. Two things do not count:
//    rows of Markdown tables, which cannot be wrapped, and URLs and link targets.
// 2. Every relative link in a Markdown file leads to a file of the repository, and its #anchor to a heading there.
//    Links to files of this repository on GitHub are treated the same way.
//
// usage: node scripts/check-text.mjs [--lengths warn|fail]
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { root } from './compile.mjs'

const MAX_COLUMNS = 120
/** Files that people write. JSON, CSV and recorded data are not checked. */
const written = /\.(tsx?|mjs|js|cc|h|py|md|yml|html|css)$/

/** Removes the parts of a line whose length does not count: URLs and the targets of Markdown links. */
const counted = line => line.replace(/\]\([^()\s]*\)/g, ']()').replace(/https?:\/\/[^\s)>'"`]+/g, '')

/** Finds lines that are too long. Lines are numbered from 1. */
export function longLines(text, { markdown = false } = {}) {
  const long = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.length <= MAX_COLUMNS || (markdown && /^\s*\|/.test(line))) continue
    const columns = [...counted(line)].length
    if (columns > MAX_COLUMNS) long.push({ line: i + 1, columns })
  }
  return long
}

/** Removes fenced blocks and inline code from Markdown. Lines keep their numbers. */
function prose(text) {
  return text
    .replace(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?(?:^ *\2[^\n]*$|(?![\s\S]))/gm, block => block.replace(/[^\n]/g, ''))
    .replace(/`[^`\n]*`/g, code => ' '.repeat(code.length))
}

/** Finds the targets of links and images, in Markdown or HTML, with their lines. */
export function linkTargets(text) {
  const clean = prose(text)
  const targets = []
  for (const pattern of [
    /\]\(\s*<?([^()\s>]*(?:\([^()\s]*\)[^()\s>]*)*)>?(?:\s+"[^"]*")?\s*\)/g,
    /^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm,
    /<(?:a|img|source|audio)\b[^>]*?\b(?:href|src|srcset)="([^"]+)"/g,
  ])
    for (const { 1: target, index } of clean.matchAll(pattern))
      targets.push({ target, line: clean.slice(0, index).split('\n').length })
  return targets
}

/** Finds the anchors of a Markdown file: those that GitHub makes of headings, and those in HTML. */
export function anchors(text) {
  const seen = new Map()
  const found = new Set()
  for (const [, heading] of text.replace(/^ *(```+)[\s\S]*?^ *\1/gm, '').matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
      .replace(/ /g, '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    found.add(count === 0 ? slug : `${slug}-${count}`)
  }
  for (const [, id] of text.matchAll(/<[^>]+\b(?:id|name)="([^"]+)"/g)) found.add(id)
  return found
}

/** Returns why a link of a Markdown file is broken, or null. */
function broken(file, target, home) {
  const local = target.startsWith(home) ? `/${target.slice(home.length)}` : target
  if (/^[a-z][a-z0-9+.-]*:/i.test(local) || local.startsWith('//')) return null
  const [path, anchor] = decodeURI(local).split('#')
  const name = path === '' ? file : path.startsWith('/') ? normalize(path.slice(1)) : join(dirname(file), path)
  if (name.startsWith('..')) return 'leads out of the repository'
  const full = join(root, name)
  if (!existsSync(full)) return 'does not exist'
  if (anchor === undefined || anchor === '' || !statSync(full).isFile() || !name.endsWith('.md')) return null
  return anchors(readFileSync(full, 'utf8')).has(anchor) ? null : `has no heading #${anchor}`
}

function main() {
  const { values } = parseArgs({ options: { lengths: { type: 'string', default: 'fail' } } })
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  })
  const files = [...new Set(list.split('\0'))].filter(file => written.test(file) && existsSync(join(root, file))).sort()
  const { homepage } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const home = `${homepage.replace(/#.*$/, '')}/blob/main/`
  let [long, dead] = [0, 0]
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8')
    const markdown = file.endsWith('.md')
    for (const { line, columns } of longLines(text, { markdown })) {
      console.log(`${file}:${line}: ${columns} columns, at most ${MAX_COLUMNS}`)
      long++
    }
    for (const { target, line } of markdown ? linkTargets(text) : []) {
      const reason = broken(file, target, home)
      if (reason === null) continue
      console.log(`${file}:${line}: the link ${target} ${reason}`)
      dead++
    }
  }
  console.log(`${files.length} text files: ${long} lines too long, ${dead} broken links`)
  if (dead > 0 || (long > 0 && values.lengths === 'fail')) process.exitCode = 1
}

if (process.argv[1] !== undefined && relative(process.argv[1], fileURLToPath(import.meta.url)) === '') main()
