// Lays out free-spoken-digit-dataset for training: recordings `<digit>_<speaker>_<take>.flac` become
// `<label>/<name>.wav`, all at one level. Takes 0–4 of each speaker are the customary test set: they go to a folder of
// their own and are never trained on. Needs this package built.
//
//   node models/digits/prepare.mjs <data folder> <output folder>
//
// writes <output folder>/train and <output folder>/held-out.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeAudio } from '../../dist/audio/codecs/decode.js'
import { writeWav } from '../../dist/audio/codecs/wav-file.js'

const LABELS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
/** Takes below this number are held out. */
const TEST_TAKES = 5
/** Root mean square that a recording is brought to (speakers differ by 18 dB), and the most that its peak may reach. */
const LEVEL = 0.08
const PEAK = 0.9
/** Clips that do not fit the model's are left out, in seconds: 2 % of them. */
const LONGEST = 0.768

const [from, to] = process.argv.slice(2)
if (from === undefined || to === undefined) {
  console.error('usage: node models/digits/prepare.mjs <data folder> <output folder>')
  process.exit(2)
}
const counts = { train: 0, 'held-out': 0, long: 0 }
for (const file of readdirSync(from).sort()) {
  const [, digit, , take] = /^(\d)_([a-z]+)_(\d+)\.flac$/.exec(file) ?? []
  if (digit === undefined) continue
  const path = join(from, file)
  const { samples, sampleRate } = await decodeAudio(readFileSync(path), path)
  const part = Number(take) < TEST_TAKES ? 'held-out' : 'train'
  if (part === 'train' && samples.length > LONGEST * sampleRate) {
    counts.long++
    continue
  }
  const peak = samples.reduce((most, s) => Math.max(most, Math.abs(s)), 0)
  const gain = Math.min(LEVEL / Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length), PEAK / peak)
  const folder = join(to, part, LABELS[Number(digit)])
  mkdirSync(folder, { recursive: true })
  await writeWav(join(folder, file.replace(/flac$/, 'wav')), { samples: samples.map(s => s * gain), sampleRate })
  counts[part]++
}
console.log(
  `${counts.train} clips to train on, ${counts['held-out']} held out, ${counts.long} longer than ${LONGEST} s left out`,
)
