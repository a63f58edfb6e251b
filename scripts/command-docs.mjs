// Generates the command reference in docs/command-line.md, between two marks, from the definitions of the commands.
// usage: node scripts/command-docs.mjs [--check]
// --check: writes nothing, fails if the reference is out of date
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { root } from './compile.mjs'

const FILE = join('docs', 'command-line.md')
const START = '<!-- The reference below is written by scripts/command-docs.mjs from src/cli/commands. -->'
const END = '<!-- End of the reference. -->'
const COLUMNS = 120
/** Number of commands from which on an option is described once for all of them. */
const MANY = 4

/** Wraps a text at COLUMNS and indents all lines but the first. */
function wrapped(text, indent = '') {
  const lines = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && `${last} ${word}`.length <= COLUMNS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(lines.length === 0 ? word : indent + word)
  }
  return lines.join('\n')
}

function optionLine(option) {
  return wrapped(`- \`${option.flags}\`: ${optionText(option)}`, '  ')
}

function optionLines(options) {
  return options.map(optionLine)
}

/** Lines of the options that many commands have with the same meaning and default. */
function sharedLines(commands) {
  const counts = new Map()
  for (const { options } of commands) {
    for (const option of Object.values(options)) {
      const line = optionLine(option)
      counts.set(line, (counts.get(line) ?? 0) + 1)
    }
  }
  return [...counts].filter(([, count]) => count >= MANY).map(([line]) => line)
}

/** Groups options in order. Those without a group come first. */
function grouped(options) {
  const groups = new Map([['', []]])
  for (const option of options) {
    const group = option.group ?? ''
    groups.set(group, [...(groups.get(group) ?? []), option])
  }
  return [...groups].filter(([, members]) => members.length > 0)
}

function commandSection({ name, summary, details = [], guide, arguments: values, options, examples }, shared) {
  const words = values.map(value => (value.variadic ? `<${value.name}...>` : `<${value.name}>`))
  const parts = [
    `#### \`${['diffwave', name, ...words].join(' ')}\``,
    wrapped(`${summary}.`),
    ...details.map(text => wrapped(text)),
    ...(guide === undefined ? [] : [`[Guide](${guide}.md)`]),
  ]
  if (values.length > 0) {
    parts.push(
      values
        .map(({ name, description, variadic }) =>
          wrapped(`- \`<${name}${variadic ? '...' : ''}>\`: ${description}`, '  '),
        )
        .join('\n'),
    )
  }
  const all = Object.values(options)
  const common = all.filter(option => shared.includes(optionLine(option)))
  for (const [group, members] of grouped(all.filter(option => !common.includes(option)))) {
    parts.push(group === '' ? 'Options:' : `${group}:`, optionLines(members).join('\n'))
  }
  if (common.length > 0) {
    const names = common.map(({ flags }) => `\`${/--[a-z-]+/.exec(flags)[0]}\``)
    parts.push(wrapped(`[Shared options](#shared-options): ${names.join(', ')}`))
  }
  parts.push(examples.map(line => wrapped(`\`${line}\``)).join('\n\n'))
  return parts.join('\n\n')
}

function reference(commands, globalOptions) {
  const shared = sharedLines(commands)
  const parts = [
    '### Shared options',
    'Every command has these options:',
    optionLines(globalOptions).join('\n'),
    'Many commands have some of these. The section of each command lists its own:',
    shared.join('\n'),
  ]
  let group = ''
  for (const command of commands) {
    if (command.group !== group) {
      group = command.group
      parts.push(`### ${group}`)
    }
    parts.push(commandSection(command, shared))
  }
  return parts.join('\n\n')
}

await build({ ifMissing: true })
const { optionText } = await import('../dist/cli/option-spec.js')
const { commands } = await import('../dist/cli/commands.js')
const { globalOptions } = await import('../dist/cli/program.js')

const path = join(root, FILE)
const text = readFileSync(path, 'utf8')
const [before, after] = [text.indexOf(START), text.indexOf(END)]
if (before < 0 || after < before) throw new Error(`the marks around the reference are missing in ${FILE}`)
const fresh = `${text.slice(0, before + START.length)}\n\n${reference(commands, globalOptions)}\n\n${text.slice(after)}`
if (!process.argv.includes('--check')) writeFileSync(path, fresh)
else if (fresh !== text) {
  console.error(`${FILE} is out of date: run \`node scripts/command-docs.mjs\``)
  process.exitCode = 1
}
