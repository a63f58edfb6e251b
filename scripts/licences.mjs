// The licences of packages whose code is copied into a bundle.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.mjs'

function licence(name) {
  const folder = join(root, 'node_modules', name)
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt'].map(one => join(folder, one)).find(existsSync)
  // fft.js has its licence in its README.
  const text = file === undefined ? readFileSync(join(folder, 'README.md'), 'utf8').split(/#+ LICENSE/i)[1] : null
  return `${name}\n\n${(text ?? readFileSync(file, 'utf8')).trim()}\n`
}

/** The licences of packages, one after the other, as text. */
export function licences(names) {
  return names.map(licence).join(`\n${'-'.repeat(72)}\n\n`)
}
