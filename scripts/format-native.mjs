// Formats native/ with clang-format (.clang-format), or with --check fails if a file is not formatted.
// usage: node scripts/format-native.mjs [--check]
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.mjs'

const VERSION = 14
const clangFormat = [`clang-format-${VERSION}`, 'clang-format'].find(name => {
  const { stdout } = spawnSync(name, ['--version'], { encoding: 'utf8' })
  return stdout?.includes(`version ${VERSION}.`) === true
})
if (clangFormat === undefined) {
  console.log(`format:native: skipped, there is no clang-format ${VERSION} (Debian: clang-format)`)
} else {
  const folder = join(root, 'native')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => /\.(cc|h)$/.test(name))
  const mode = process.argv.includes('--check') ? ['--dry-run', '-Werror'] : ['-i']
  const { status } = spawnSync(clangFormat, [...mode, ...files.map(name => join(folder, name))], { stdio: 'inherit' })
  process.exitCode = status ?? 1
}
