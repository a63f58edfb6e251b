/** Overwriting a model folder: whenever the writer is killed, the folder holds a config with its own weights. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readModelFolder, writeModelConfig, writeModelFolder } from '#src/model/folder'
import { readModel } from '#src/model/read-model'
import { golden, inRepository } from '../support/paths.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder('model-folder')
const newPath = golden('lmnt-unconditional-c8-l6/weights.pt')
const [former, next] = [await readModel(golden('lmnt-conditional-c8-l6/weights.pt')), await readModel(newPath)]
const names = ['config.json', 'weights.safetensors']
/** Temporary files of the killed process go when another process writes here. */
const filesOf = (folder: string) =>
  readdirSync(folder)
    .filter(name => !name.endsWith('.tmp'))
    .sort()

/** Converts the new model into a folder, in a process that is killed before its rename of that number. */
function convertAndDie(folder: string, rename: number): void {
  const { signal } = spawnSync(process.execPath, [
    '-e',
    `const files = require('node:fs/promises')
     const { rename } = files
     let renames = 0
     files.rename = async (...paths) => {
       if (renames++ === ${rename}) process.kill(process.pid, 'SIGKILL')
       return rename(...paths)
     }
     require('node:module').syncBuiltinESMExports()
     import(${JSON.stringify(`file://${inRepository('dist/model/convert.js')}`)})
       .then(({ convert }) => convert(${JSON.stringify(newPath)}, ${JSON.stringify(folder)}, { force: true }))`,
  ])
  assert.equal(signal, 'SIGKILL')
}

test('a writer that is killed leaves the former model or the new one, and the next one writes as usual', async () => {
  for (const [rename, expected] of [
    [0, former],
    [1, former],
    [2, next],
  ] as const) {
    const folder = join(scratch, String(rename))
    await writeModelFolder(folder, former)
    convertAndDie(folder, rename)
    const found = await readModelFolder(folder)
    assert.deepEqual(found.config, expected.config, `before rename ${rename}`)
    assert.deepEqual(found.parameters, expected.parameters, `before rename ${rename}`)
    if (rename === 0) {
      await writeModelConfig(folder, { ...former.config, name: 'edited' })
      assert.equal((await readModelFolder(folder)).config.name, 'edited')
    }
    if (rename === 2) {
      // The first rename of a second writer puts the unfinished config in its place.
      convertAndDie(folder, 1)
      assert.deepEqual((await readModelFolder(folder)).config, next.config)
    }
    writeFileSync(join(folder, 'README.md'), 'mine')
    for (const model of [next, former]) {
      await writeModelFolder(folder, model)
      assert.deepEqual((await readModelFolder(folder)).config, model.config)
      assert.deepEqual(filesOf(folder), ['README.md', ...names])
    }
  }
})
