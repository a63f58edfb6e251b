/** The PyTorch trainer takes the same training configs as `diffwave train`, with the same defaults. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { DiffWaveError } from '#src/core/errors'
import * as limits from '#src/core/limits'
import { checkTrainingConfig } from '#src/training/config'
import { scratchFolder } from '../support/scratch.js'
import { smallVocoder } from './small-vocoder.js'
import { pytorch } from './torch.js'

const { evaluate, skip } = await pytorch(['torch', 'numpy'])

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type Path = readonly (string | number)[]

/** What a trainer says of a config: all of it, or the field that it refuses. */
type Verdict = { readonly config: Json } | { readonly refused: string; readonly message: string }

/** A config that both can train, with a value in most fields that may be null. */
const config = {
  model: {
    ...smallVocoder,
    network: { ...smallVocoder.network, frontEnd: { ...smallVocoder.network.frontEnd, correction: {} } },
    diffusion: {
      ...smallVocoder.diffusion,
      sampling: { '2': [0.1, 0.2], '1': { betas: [0.5], sampler: 'ddim', noiseScale: 0 } },
      defaultSteps: 4,
      refinement: { iterations: 8 },
      highBand: { from: 1000, gain: -1.5, slope: -3 },
    },
  },
  data: { cropSamples: 4096 },
  optimiser: { totalSteps: 100, warmupSteps: 10, decaySteps: 20 },
  loss: 'time-frequency',
  spectral: {},
  noiseLevels: { kind: 'own', steps: 2 },
  weighting: { kind: 'truncated-v', most: 4 },
  adversarial: { rounds: [{}] },
}

/** What to try in place of a value: nothing, and values that are of another type or beyond most limits. */
function hostile(value: Json): readonly (Json | undefined)[] {
  const always = [undefined, null, 1]
  if (typeof value === 'number') return [...always, true, 'x', -1, 0, 0.5, 1.5, 17, 101, 1025, 1e300]
  if (typeof value === 'string') return [...always, '', 'x']
  if (typeof value === 'boolean') return always
  return [...always, 'x', [], { x: 1 }, [1, -1], [256, 300]]
}

/** All values in a value with their paths, outermost first. */
function parts(value: Json, above: Path = []): { path: Path; value: Json }[] {
  const own = above.length === 0 ? [] : [{ path: above, value }]
  if (typeof value !== 'object' || value === null) return own
  return [...own, ...Object.entries(value).flatMap(([key, inner]) => parts(inner, [...above, key]))]
}

/** A copy of a value with another one, or none, at a path. */
function replaced(value: Json, [key, ...rest]: Path, replacement: Json | undefined): Json {
  const copy = structuredClone(value) as Record<string, Json>
  const inner = rest.length === 0 ? replacement : replaced(copy[key!]!, rest, replacement)
  if (inner === undefined) delete copy[key!]
  else copy[key!] = inner
  return copy
}

/** Numbers of a pitch network, all 0. */
const zeros = (count: number) => Buffer.alloc(4 * count).toString('base64')

function here(value: Json): Verdict {
  try {
    return { config: JSON.parse(JSON.stringify(checkTrainingConfig(value, ''))) }
  } catch (error) {
    assert.ok(error instanceof DiffWaveError, String(error))
    const field = /^(?:unknown field )?([\w.]+)/.exec(error.message)![1]!
    return { refused: field === 'the' ? '' : field, message: error.message }
  }
}

const program = `
import json, sys
from diffwave_torch.config import checked_config
from diffwave_torch.fields import ConfigError
verdicts = []
for line in open(sys.argv[1]):
    try:
        verdicts.append({"config": checked_config(json.loads(line))})
    except ConfigError as error:
        where = str(error).split(": ", 1)[0].replace("[", ".").replace("]", "")
        verdicts.append({"refused": where, "message": str(error)})
print(json.dumps(verdicts))
`

async function inPyTorch(values: readonly Json[]): Promise<readonly Verdict[]> {
  const path = join(scratchFolder('interop-config'), 'configs.jsonl')
  writeFileSync(path, values.map(value => `${JSON.stringify(value)}\n`).join(''))
  const { status, stdout, stderr } = await evaluate(program, [path])
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

/**
 * Both trainers take a config, with the same defaults, or refuse the same field. The PyTorch trainer may say instead
 * that it does not support a value.
 */
async function same(values: readonly Json[]): Promise<void> {
  const verdicts = await inPyTorch(values)
  let compared = 0
  for (const [i, value] of values.entries()) {
    const [mine, theirs] = [here(value), verdicts[i]!]
    if ('refused' in theirs && theirs.message.includes('is not supported here')) continue
    compared++
    const [expected, found] = [mine, theirs].map(verdict => ('refused' in verdict ? verdict.refused : verdict.config))
    assert.deepEqual(found, expected, `${JSON.stringify(value)}: ${JSON.stringify([mine, theirs])}`)
  }
  assert.ok(compared > values.length / 2, `${compared} of ${values.length} compared`)
}

/** A config with each hostile value in place of each of its values below one of some paths. */
function mutations(valid: Json, ...below: readonly string[]): Json[] {
  const verdict = here(valid)
  assert.ok('config' in verdict, JSON.stringify(verdict))
  return parts(verdict.config)
    .filter(({ path }) => below.length === 0 || below.some(start => path.join('.').startsWith(start)))
    .flatMap(({ path, value }) => hostile(value).map(other => replaced(verdict.config, path, other)))
}

describe('the PyTorch trainer takes and refuses what diffwave train does', { skip }, () => {
  test('within the same limits', async () => {
    const named = `
import json
from diffwave_torch import limits
print(json.dumps({name: value for name, value in vars(limits).items() if name.isupper()}))
`
    const { status, stdout, stderr } = await evaluate(named)
    assert.equal(status, 0, stderr)
    const theirs: Record<string, number> = JSON.parse(stdout)
    assert.deepEqual(theirs, Object.fromEntries(Object.entries(limits).filter(([name]) => name in theirs)))
  })

  test('in every field of a config', () => same(mutations(config)))

  test('in the fields of pulses, and of other noise levels and weightings', async () => {
    const harmonics = {
      pitch: { kind: 'network', frames: 0, reach: 1, hidden: 1, weights: zeros(4 + 1 + 1 + 1 + 1 + 1) },
    }
    const pulses = structuredClone(config) as Record<string, unknown> & typeof config
    Object.assign(pulses.model.diffusion.prior, { harmonics })
    Object.assign(pulses, { pulses: 'mixed', noiseLevels: { kind: 'continuous' } })
    Object.assign(pulses, { weighting: { kind: 'min-snr', gamma: 5 } })
    await same(mutations(pulses as Json, 'pulses', 'noiseLevels', 'weighting', 'model.diffusion.prior'))
  })

  test('in fields that only go together', () =>
    same(
      [
        { 'data.cropSamples': 1280 },
        { 'data.cropSamples': 1024, 'model.network.frontEnd.correction': null },
        { 'spectral.windows': [8192] },
        { 'optimiser.warmupSteps': 90 },
        { 'optimiser.warmupSteps': 101, 'optimiser.decaySteps': null },
        { 'model.diffusion.clamp': false, 'model.diffusion.signalScale': 2 },
        { 'model.network.labels': ['a', 'b'], 'model.aliases': { A: 'c' } },
        { 'model.network.labels': ['a', 'b'], 'model.labelShares': [1] },
        { 'model.network.mel.bands': 40, 'model.mel.bands': 40 },
      ].map(changes =>
        Object.entries(changes).reduce(
          (value, [path, change]) => replaced(value, path.split('.'), change),
          (here(config) as { readonly config: Json }).config,
        ),
      ),
    ))
})
