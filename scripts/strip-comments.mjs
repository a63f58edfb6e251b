// Removes the comments from the compiled modules in dist/, which nobody reads there: they are a third of the modules'
// bytes in the package. Declarations keep theirs, because editors show them. build.mjs runs this.
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import { compiledEntries, root } from './compile.mjs'

/** Every module begins with a docstring, as long as its comments are there. */
const COMMENTED = /^(#!.*\n)?\/\*\*/

/** Removes the comments of the modules that still have them. Comments that bundlers read stay. */
export function stripComments() {
  for (const file of compiledEntries(join(root, 'dist')).filter(name => name.endsWith('.js'))) {
    const text = readFileSync(file, 'utf8')
    if (!COMMENTED.test(text)) continue
    const { atime, mtime } = statSync(file)
    const { code } = transformSync(text, { format: 'esm', target: 'es2023', charset: 'utf8', legalComments: 'none' })
    writeFileSync(file, code)
    // What is newer than its sources stays so, and no newer: files that are made of it are still current.
    utimesSync(file, atime, mtime)
  }
}
