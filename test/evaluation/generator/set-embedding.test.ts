/** The embedding of clip sets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { averageSpectrumNoise, shuffledPieces } from '#src/evaluation/generator/baselines'
import { ClipSet } from '#src/evaluation/generator/clip-set'
import { frechetDistance } from '#src/evaluation/generator/frechet-distance'
import { SetEmbedding } from '#src/evaluation/generator/set-embedding'
import { MELODY_RATE, melody, near, range } from '../../support/sounds.js'

test('real clips are nearer to real ones than to shuffled, reversed or noise clips', async () => {
  const set = (audio: readonly Float32Array[]) => {
    const made = new ClipSet(MELODY_RATE, 0.75 * MELODY_RATE, 1, true)
    audio.forEach((samples, i) => {
      made.add({ name: String(i), samples, label: '' }, true)
    })
    return made
  }
  const [real, others] = [range(0, 66), range(1000, 66)].map(seeds => seeds.map(seed => melody(seed, 0.75)))
  const noise = await averageSpectrumNoise(real!, 1)
  // Noise has the data's spectrum and each clip's energy.
  const energy = (samples: Float32Array) => samples.reduce((sum, x) => sum + x * x, 0)
  near(energy(noise[0]!) / energy(real![0]!), 1, 1e-3)
  const data = set(real!)
  const embedding = await SetEmbedding.fit(data)
  assert.equal(embedding.dimensions, 64)
  const embedded = await embedding.embed(data)
  // Each feature is in units of its deviation in the data.
  for (let i = 0; i < 64; i++) {
    const values = embedded.map(vector => vector[i]!)
    near(values.reduce((sum, x) => sum + x, 0) / values.length, 0, 1e-6)
    near(values.reduce((sum, x) => sum + x * x, 0) / values.length, 1, 0.02)
  }
  const distance = async (audio: readonly Float32Array[]) =>
    frechetDistance(await embedding.embed(set(audio)), embedded)
  const own = await distance(others!)
  const shuffled = await distance(shuffledPieces(real!, MELODY_RATE, 1))
  const reversed = await distance(real!.map(samples => samples.slice().reverse()))
  const asNoise = await distance(noise)
  assert.ok(
    own * 4 < shuffled && own * 4 < reversed && shuffled * 2 < asNoise,
    `${own} ${shuffled} ${reversed} ${asNoise}`,
  )
})
