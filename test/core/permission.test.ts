/** Under Node's permission model each refusal names the flag that allows it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { distUrl, golden } from '../support/paths.js'

const dist = (path: string) => JSON.stringify(distUrl(path))

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'

/** What works under some flags: the engine's name or the service's `started`, else the error's code and hint. */
interface Found {
  readonly engines: Readonly<Record<string, string>>
  readonly service: string
  /** The survey of `doctor`. */
  readonly survey: Readonly<Record<string, string | null>>
}

/** Tries engines and the service under some flags, all in one process: to load the package takes longest. */
function tried(engines: readonly string[], ...flags: readonly string[]): Found {
  const source = `
    const { Vocoder } = await import(${dist('index.js')})
    const { surveyEngines } = await import(${dist('engines/select.js')})
    const { DecoderPool } = await import(${dist('server/decoding/decoder-pool.js')})
    const outcome = async start => {
      try { return await start() } catch (error) { return error.code + ' ' + error.hint }
    }
    const load = async engine => {
      const vocoder = await Vocoder.load(${JSON.stringify(golden('pytorch-windows'))}, { engine, threads: 1 })
      await vocoder.dispose()
      return vocoder.model.engine.name
    }
    const engines = {}
    for (const name of ${JSON.stringify(engines)}) engines[name] = await outcome(() => load(name))
    const service = await outcome(() => new DecoderPool({ threads: 1 }) && 'started')
    const survey = Object.fromEntries((await surveyEngines()).map(({ name, reason }) => [name, reason]))
    console.log(JSON.stringify({ engines, service, survey }))`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-warnings', permission, '--allow-fs-read=*', ...flags, '--input-type=module', '-e', source],
    { encoding: 'utf8' },
  )
  assert.equal(stderr, '')
  return JSON.parse(stdout)
}

const ADDONS = 'ENGINE_UNAVAILABLE Start Node with --allow-addons.'
const WORKER = 'ENGINE_UNAVAILABLE Start Node with --allow-worker.'

describe('under the permission model', () => {
  test('without a flag, engines, the service and `doctor` name the one that is missing', () => {
    const { engines, service, survey } = tried(['native', 'wasm', 'tensorflow:cpu', 'auto'])
    assert.deepEqual(engines, { native: ADDONS, wasm: WORKER, 'tensorflow:cpu': WORKER, auto: ADDONS })
    assert.equal(service, WORKER)
    assert.match(survey['native']!, /--allow-addons/)
    assert.match(survey['wasm']!, /--allow-worker/)
    assert.match(survey['tensorflow:cpu']!, /--allow-worker/)
  })

  test('--allow-worker is enough for wasm and the service', () => {
    const { engines, service } = tried(['auto'], '--allow-worker')
    assert.deepEqual([engines['auto'], service], ['wasm', 'started'])
  })

  test('--allow-addons is enough for native', () => {
    assert.equal(tried(['auto'], '--allow-addons').engines['auto'], 'native')
  })
})
