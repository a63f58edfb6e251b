/** The README's examples run as they stand, on a short mel, in a folder that has the package installed. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import { readMel } from '#src/formats/mel-file'
import { encodeNpy } from '#src/formats/npy'
import { golden, inRepository } from '../support/paths.js'

const readme = readFileSync(inRepository('README.md'), 'utf8')

test('the library example and the commands do what the README says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'diffwave-readme-'))
  try {
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(inRepository('.'), join(folder, 'node_modules', 'diffwave'))
    const { mel } = await readMel(inRepository('samples/LJ001-0004.npy'), 80)
    const frames = 4
    const short = Float32Array.from(
      { length: 80 * frames },
      (_, i) => mel.data[Math.floor(i / frames) * mel.frames + 100 + (i % frames)]!,
    )
    writeFileSync(join(folder, 'mel.npy'), encodeNpy({ shape: [80, frames], data: short }))
    writeFileSync(
      join(folder, 'recording.wav'),
      encodeWav({ samples: gaussian(1, 0, 0, 1024).map(x => x / 20), sampleRate: 22050 }),
    )
    writeFileSync(join(folder, 'weights.pt'), readFileSync(golden('lmnt-conditional-c8-l6/weights.pt')))

    const [, library] = /```js\n([\s\S]*?)```/.exec(readme)!
    writeFileSync(join(folder, 'example.mjs'), library!)
    const run = (args: readonly string[]) => spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    const example = run(['example.mjs'])
    assert.equal(example.status, 0, example.stderr)
    assert.ok(existsSync(join(folder, 'speech.wav')))
    // The first command writes it again, and the command line overwrites nothing unasked.
    rmSync(join(folder, 'speech.wav'))

    const blocks = [...readme.matchAll(/```\n([\s\S]*?)```/g)].map(match => match[1]!)
    const commands = blocks.find(block => block.startsWith('diffwave synthesize'))!
    for (const line of commands.trim().split(/\n| && /)) {
      const result = run([inRepository('dist/cli/main.js'), ...line.split(' ').slice(1)])
      assert.equal(result.status, 0, `${line}: ${result.stderr}`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
