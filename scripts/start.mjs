// `npm start`: builds what is missing, then synthesizes the mels in samples/ and generates one clip per generator in
// models/. Each WAV in out/ comes with a picture of its spectrogram.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { root } from './compile.mjs'

await build({ ifMissing: true })

/** Runs the command line. @returns whether it succeeded */
function diffwave(...args) {
  const { status } = spawnSync(process.execPath, [join('dist', 'cli', 'main.js'), ...args], {
    cwd: root,
    stdio: 'inherit',
  })
  return status === 0
}

const mels = readdirSync(join(root, 'samples'))
  .filter(name => name.endsWith('.npy'))
  .map(name => join('samples', name))
const calls = [['synthesize', ...mels, '-o', 'out', '--seed', '1', '--picture', '--force']]
for (const [model, ...options] of [['digits', '--label', 'seven'], ['music']]) {
  if (!existsSync(join(root, 'models', model, 'config.json'))) continue
  const output = join('out', `${model}.wav`)
  calls.push(['generate', '-m', model, ...options, '-o', output, '--seed', '1', '--picture', '--force'])
}
// All calls run, even if one fails.
process.exitCode = calls.map(args => diffwave(...args)).every(Boolean) ? 0 : 1
