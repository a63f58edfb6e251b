// Writes `files.json` into every folder of models/. Downloads by URL are checked with it (docs/models.md). Run this
// after every change to a model.
// usage: node scripts/state-files.mjs
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { root } from './compile.mjs'

await build({ ifMissing: true })
const { writeFileList } = await import('../dist/model/file-list.js')

for (const name of readdirSync(join(root, 'models'))) {
  const folder = join(root, 'models', name)
  if (existsSync(join(folder, 'config.json'))) await writeFileList(folder)
}
