/** Under Node's permission model each refusal names the flag that allows it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'

const dist = (path: string) => new URL(`../../../dist/${path}`, import.meta.url).href

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'

/** Runs a module under the permission model, with `dist(path)` for the built files. */
function run(flags: readonly string[], source: string): string {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-warnings', permission, '--allow-fs-read=*', ...flags, '--input-type=module', '-e', source],
    { encoding: 'utf8' },
  )
  assert.equal(stderr, '')
  return stdout.trim()
}

const load = (engine: string) => `
  const { Vocoder } = await import(${JSON.stringify(dist('index.js'))})
  try {
    const vocoder = await Vocoder.load('speech', { engine: '${engine}', threads: 1 })
    console.log(vocoder.model.engine.name)
    await vocoder.dispose()
  } catch (error) {
    console.log(error.code, error.hint)
  }`

const cases = [
  ['native', [], 'ENGINE_UNAVAILABLE Start Node with --allow-addons.'],
  ['wasm', [], 'ENGINE_UNAVAILABLE Start Node with --allow-worker.'],
  ['tensorflow:cpu', [], 'ENGINE_UNAVAILABLE Start Node with --allow-worker.'],
  ['auto', [], 'ENGINE_UNAVAILABLE Start Node with --allow-addons.'],
  ['auto', ['--allow-worker'], 'wasm'],
  ['auto', ['--allow-addons'], 'native'],
] as const

describe('an engine under the permission model', () => {
  for (const [engine, flags, expected] of cases) {
    test(`${engine} with ${flags.join(' ') || 'no flag'}: ${expected}`, () => {
      assert.equal(run(flags, load(engine)), expected)
    })
  }

  test('the survey of `doctor` names the flags', () => {
    const survey = run(
      [],
      `const { surveyEngines } = await import(${JSON.stringify(dist('engines/select.js'))})
       for (const { name, reason } of await surveyEngines()) console.log(name, reason)`,
    )
    assert.match(survey, /^native .*--allow-addons/m)
    assert.match(survey, /^wasm .*--allow-worker/m)
    assert.match(survey, /^tensorflow:cpu .*--allow-worker/m)
  })
})

test('the service needs worker threads and names the missing flag', () => {
  const source = `
    const { DecoderPool } = await import(${JSON.stringify(dist('server/decoding/decoder-pool.js'))})
    try { new DecoderPool({ threads: 1 }) } catch (error) { console.log(error.code, error.hint) }`
  assert.equal(run([], source), 'ENGINE_UNAVAILABLE Start Node with --allow-worker.')
  assert.equal(run(['--allow-worker'], source), '')
})
