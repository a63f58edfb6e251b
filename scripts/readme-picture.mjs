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
// Finer than the models' mels, so that single harmonics can be seen.
const convention = { ...namedConventions.tacotron2, hop: 64, bands: 160, fftSize: 2048, maxFrequency: 8000 }

const mels = []
for (const [suffix, title] of rows) {
  const audio = await readWav(join(root, 'samples', 'speech', `${SENTENCE}-${suffix}.wav`))
  mels.push({ mel: melSpectrogram(audio, convention), title })
}
const picture = drawSpectrograms(mels, { convention, columns: 1, size: [1036, 160] })
writeFileSync(join(root, 'docs', 'images', 'speech.png'), picture)
