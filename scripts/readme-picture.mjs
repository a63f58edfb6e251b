// Makes docs/images/speech.png, the README's picture: one sentence as a recording, from diffwave and from Griffin-Lim.
// usage: node scripts/readme-picture.mjs
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { root } from './compile.mjs'

await build({ ifMissing: true })
const { melSpectrogram, namedConventions, readWav } = await import('../dist/index.js')
const { drawSpectrograms } = await import('../dist/audio/picture.js')

const SENTENCE = 'LJ001-0002'
const rows = [
  ['original', 'Recording'],
  ['speech', 'diffwave, from the mel of the recording'],
  ['griffin-lim', 'Griffin-Lim, from the same mel'],
]
// Much finer than the models' mels: they differ in the harmonics above 1 kHz, which a usual mel does not show.
const convention = {
  ...namedConventions.tacotron2,
  fftSize: 8192,
  windowLength: 512,
  hop: 44,
  bands: 180,
  minFrequency: 800,
  maxFrequency: 5500,
}
const SECONDS = 0.95

const mels = []
for (const [suffix, title] of rows) {
  const { samples, sampleRate } = await readWav(join(root, 'samples', 'speech', `${SENTENCE}-${suffix}.wav`))
  const audio = { samples: samples.subarray(0, Math.round(SECONDS * sampleRate)), sampleRate }
  mels.push({ mel: melSpectrogram(audio, convention), title })
}
const picture = drawSpectrograms(mels, { convention, columns: 1, size: [1036, 180] })
writeFileSync(join(root, 'docs', 'images', 'speech.png'), picture)
