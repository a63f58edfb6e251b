// Prints a version's section of CHANGELOG.md, for the release workflow. Fails if the tag does not match package.json
// or if the section is missing, empty or undated.
// usage: node scripts/release-notes.mjs v0.1.0
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.mjs'

function fail(message) {
  console.error(`release-notes: ${message}`)
  process.exit(1)
}

const read = name => readFileSync(join(root, name), 'utf8')
const tag = process.argv[2] ?? fail('the tag is missing: node scripts/release-notes.mjs v0.1.0')
const { version } = JSON.parse(read('package.json'))
if (tag !== `v${version}`) fail(`the tag ${tag} does not match version ${version} in package.json`)

const section = read('CHANGELOG.md')
  .split(/^## /m)
  .slice(1)
  .find(text => text.startsWith(`[${version}]`))
if (section === undefined) fail(`CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD"`)
const [heading, ...lines] = section.split('\n')
if (!/^\[[^\]]+\] - \d{4}-\d{2}-\d{2}$/.test(heading)) fail(`the section of ${version} has no date: "## ${heading}"`)
const notes = lines.filter(line => !/^\[[^\]]+\]: http/.test(line)).join('\n')
if (!/^- /m.test(notes)) fail(`the section of ${version} is empty`)
console.log(notes.trim())
