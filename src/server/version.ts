/** The version of this package. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../model/shipped-models.js'

/** As in package.json; `0` in a bundle, which has none. */
export function packageVersion(): string {
  const root = packageRoot()
  if (root === null) return '0'
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }).version
}
