// Clips between two held-out recordings: log-spectral distance of a generator's interpolation to the one and to the other, by mix λ,
// and of the plain mixture of both waveforms to what either is.
// usage: npm run build && node bench/interpolation.mjs --model digits --clips folder [--pairs n] [--step s] [--sampler s]
import { Generator } from '../dist/index.js'
import { logSpectralDistance, mean, options, recordings, samplesOf } from './repair-measures.mjs'

const {
  model: name,
  clips,
  pairs,
  step,
  sampler,
  engine,
} = options({
  model: 'digits',
  clips: 'shared/data/digits-fsdd',
  pairs: '10',
  step: '',
  sampler: '',
  engine: 'auto',
})
const generator = await Generator.load(name, { engine })
const { sampleRate } = generator
const length = Math.round(sampleRate * generator.config.clipSeconds)
const files = recordings(clips)
const read = async index => {
  const samples = await samplesOf(files[index % files.length], sampleRate)
  const clip = new Float32Array(length)
  clip.set(samples.subarray(0, length))
  return clip
}
/** Pairs spread over the folder, of other labels where it is sorted by them. */
const stride = Math.floor(files.length / Number(pairs))
const half = Math.floor(files.length / 2)
const mixes = [0, 0.25, 0.5, 0.75, 1]
const rows = mixes.map(() => ({ first: [], second: [], plainFirst: [], plainSecond: [] }))
for (let pair = 0; pair < Number(pairs); pair++) {
  const [a, b] = [await read(pair * stride), await read(pair * stride + half)]
  for (const [i, mix] of mixes.entries()) {
    const made = await generator.interpolate(
      { samples: a, sampleRate },
      { samples: b, sampleRate },
      {
        mix,
        seed: 1,
        ...(step === '' ? {} : { step: Number(step) }),
        ...(sampler === '' ? {} : { sampler }),
      },
    )
    const plain = a.map((x, n) => (1 - mix) * x + mix * b[n])
    rows[i].first.push(logSpectralDistance(a, made.samples, sampleRate, 256))
    rows[i].second.push(logSpectralDistance(b, made.samples, sampleRate, 256))
    rows[i].plainFirst.push(logSpectralDistance(a, plain, sampleRate, 256))
    rows[i].plainSecond.push(logSpectralDistance(b, plain, sampleRate, 256))
  }
}
for (const [i, mix] of mixes.entries()) {
  const [first, second, plainFirst, plainSecond] = Object.values(rows[i]).map(values => mean(values).toFixed(1))
  console.log(
    `λ ${mix}: to the first ${first} dB, to the second ${second} dB (waveforms mixed: ${plainFirst}, ${plainSecond})`,
  )
}
await generator.dispose()
