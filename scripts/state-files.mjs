// Writes `files.json` into every folder of models/, with which downloads by URL are checked (docs/models.md). Run it
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
