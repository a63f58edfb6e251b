/** This package: its folder and its version. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { documentation } from './documentation.js'

/** The folder of the nearest package.json above this file that is named `diffwave`; null in a bundle. */
export function packageRoot(): string | null {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (true) {
    if (manifestIn(folder)?.name === 'diffwave') return folder
    const parent = dirname(folder)
    if (parent === folder) return null
    folder = parent
  }
}

/** The version, as in package.json; `0` in a bundle, which has none. */
export function packageVersion(): string {
  const root = packageRoot()
  return (root === null ? undefined : manifestIn(root)?.version) ?? '0'
}

/** What to do if a file of this package is missing because the program is a bundle; undefined if it is not one. */
export function bundleHint(): string | undefined {
  if (packageRoot() !== null) return undefined
  return `A bundle has no engines and no models: leave diffwave out of it (“Bundlers” in ${documentation('library')}).`
}

/** The package.json of a folder; undefined if it is missing or cannot be read. */
function manifestIn(folder: string): { readonly name?: string; readonly version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) ?? undefined
  } catch {
    return undefined
  }
}
