// `npm start`: builds what is missing, then makes sound of the mels in samples/, with a picture beside each.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build, root } from './build.mjs'

build({ ifMissing: true })
const mels = readdirSync(join(root, 'samples'))
  .filter(name => name.endsWith('.npy'))
  .map(name => join('samples', name))
const { status } = spawnSync(
  process.execPath,
  [join('dist', 'cli', 'main.js'), 'synthesize', ...mels, '-o', 'out', '--seed', '1', '--picture'],
  { cwd: root, stdio: 'inherit' },
)
process.exitCode = status ?? 1
