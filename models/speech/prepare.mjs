// Lays out recordings for training a speech vocoder: chosen, mono, trimmed, 16-bit WAV at no more than the model's
// rate. Needs this package built.
//
//   node models/speech/prepare.mjs <folder of sources> <output folder> [scores.txt]
//
// The folder of sources has a folder per source, named as below: a copy of its repository. Sources that are missing are
// left out. Writes <output folder>/<source>/*.wav and <output folder>/CREDITS.md. scores.txt has lines
// `<file name> <score>` of a judge of quality (1 to 5): recordings of the sources marked `judged` whose score is below
// 3 are left out.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { decodeAudio } from '../../dist/audio/codecs/decode.js'
import { encodeWav } from '../../dist/audio/codecs/wav-encode.js'
import { resample } from '../../dist/audio/resample.js'
import { FrameTransform } from '../../dist/audio/transforms/stft.js'

const RATE = 22_050
/** Shortest recording in seconds: a crop of 16,384 samples at 22,050 Hz. */
const SHORTEST = 0.75
const LOWEST_SCORE = 3
const ADULT = 18
/**
 * The band in Hz that tells whether a 16 kHz recording uses its rate, and its least power relative to the whole, in dB.
 */
const TOP_BAND = [7000, 7900]
const LEAST_TOP = -45
/** Silence is what lies 45 dB below a recording's loudest 20 ms; so much of it, in seconds, is kept at either end. */
const SILENCE = 10 ** (-45 / 20)
const KEPT_SILENCE = 0.1

const sources = [
  {
    name: 'dataset-voice-kathleen',
    repository: 'rhasspy/dataset-voice-kathleen',
    what: 'US English, one woman, read sentences',
    licence: 'CC0-1.0',
    chosen: path => path.startsWith('data/'),
  },
  {
    name: 'dataset-voice-nathalie',
    repository: 'rhasspy/dataset-voice-nathalie',
    what: 'Dutch, one woman, read sentences',
    licence: 'CC0-1.0',
    chosen: path => path.startsWith('verified/'),
  },
  {
    name: 'dataset-voice-flemishguy',
    repository: 'rhasspy/dataset-voice-flemishguy',
    what: 'Flemish, one man, read sentences',
    licence: 'CC0-1.0',
    chosen: path => path.startsWith('wavs/'),
  },
  {
    name: 'speechocean762',
    repository: 'jimbozhang/speechocean762',
    what: 'English, 128 adults of 250 speakers, read sentences',
    licence: 'free for commercial and non-commercial use, as its README says; credit it',
    chosen: (path, folder) => adults(folder).has(speakerOf(path)),
    wide: true,
    judged: true,
  },
  {
    name: 'wake-word-benchmark',
    repository: 'Picovoice/wake-word-benchmark',
    what: 'English, six words by more than 50 speakers',
    licence: 'Apache-2.0',
    chosen: path => path.startsWith('audio/') && dirname(path) !== 'audio',
    wide: true,
    judged: true,
  },
]

const [from, to, scoresFile] = process.argv.slice(2)
if (from === undefined || to === undefined) {
  console.error('usage: node models/speech/prepare.mjs <folder of sources> <output folder> [scores.txt]')
  process.exit(2)
}

/** speechocean762: WAVE/SPEAKER0001/000010011.WAV. */
function speakerOf(path) {
  return /SPEAKER(\d+)/.exec(path)?.[1] ?? ''
}

const agesByFolder = new Map()

/** Its speakers of 18 or more: `train/spk2age` and `test/spk2age` have lines `<speaker> <age>`. */
function adults(folder) {
  if (!agesByFolder.has(folder)) {
    const lines = ['train', 'test'].flatMap(part =>
      readFileSync(join(folder, part, 'spk2age'), 'utf8')
        .trim()
        .split('\n'),
    )
    const ages = lines.map(line => line.split(/\s+/))
    agesByFolder.set(folder, new Set(ages.filter(([, age]) => Number(age) >= ADULT).map(([speaker]) => speaker)))
  }
  return agesByFolder.get(folder)
}

/** Power of the top band relative to the whole, in dB. */
function topLevel({ samples, sampleRate }) {
  const size = 1024
  const transform = new FrameTransform({ fftSize: size, windowLength: size, hop: size / 2 })
  const [low, high] = TOP_BAND.map(hz => Math.round((hz * size) / sampleRate))
  let [top, whole] = [0, 1e-12]
  for (let start = 0; start + size <= samples.length; start += size / 2) {
    const bins = transform.forward(samples, start)
    for (let bin = 1; bin <= size / 2; bin++) {
      const power = bins[2 * bin] ** 2 + bins[2 * bin + 1] ** 2
      whole += power
      if (bin >= low && bin <= high) top += power
    }
  }
  return 10 * Math.log10(top / whole + 1e-12)
}

/** Without the silence before and after. */
function trimmed({ samples, sampleRate }) {
  const block = Math.round(sampleRate / 50)
  const levels = Array.from({ length: Math.floor(samples.length / block) }, (_, i) => {
    const part = samples.subarray(i * block, (i + 1) * block)
    return Math.sqrt(part.reduce((sum, x) => sum + x * x, 0) / block)
  })
  const threshold = SILENCE * levels.reduce((a, b) => Math.max(a, b), 0)
  const first = levels.findIndex(level => level > threshold)
  const last = levels.findLastIndex(level => level > threshold)
  const kept = Math.round(KEPT_SILENCE * sampleRate)
  return {
    samples: samples.subarray(Math.max(0, first * block - kept), Math.min(samples.length, (last + 1) * block + kept)),
    sampleRate,
  }
}

async function atModelRate({ samples, sampleRate }) {
  if (sampleRate <= RATE) return { samples, sampleRate }
  return resample({ samples, sampleRate }, RATE)
}

const scores = new Map(
  scoresFile === undefined
    ? []
    : readFileSync(scoresFile, 'utf8')
        .trim()
        .split('\n')
        .map(line => {
          const [, name, score] = /^(.*?)\s+([\d.]+)$/.exec(line)
          return [name, Number(score)]
        }),
)

const present = new Set(readdirSync(from))
const credits = []
for (const source of sources.filter(({ name }) => present.has(name))) {
  const folder = join(from, source.name)
  const out = join(to, source.name)
  mkdirSync(out, { recursive: true })
  const counts = { kept: 0, short: 0, narrow: 0, poor: 0, unreadable: 0 }
  let seconds = 0
  const paths = readdirSync(folder, { recursive: true }).filter(path => /\.(wav|flac)$/i.test(path))
  for (const path of paths.filter(candidate => source.chosen(candidate, folder)).sort()) {
    const name = basename(path)
    if (source.judged && (scores.get(name) ?? LOWEST_SCORE) < LOWEST_SCORE) {
      counts.poor++
      continue
    }
    let audio
    try {
      audio = trimmed(await decodeAudio(readFileSync(join(folder, path)), path))
    } catch {
      counts.unreadable++
      continue
    }
    if (audio.samples.length < SHORTEST * audio.sampleRate) counts.short++
    else if (source.wide && topLevel(audio) < LEAST_TOP) counts.narrow++
    else {
      const { samples, sampleRate } = await atModelRate(audio)
      const stem = path.replace(/\.\w+$/, '').replaceAll(/[/\\ ]+/g, '-')
      writeFileSync(join(out, `${stem}.wav`), encodeWav({ samples, sampleRate }))
      counts.kept++
      seconds += samples.length / sampleRate
    }
  }
  const hours = (seconds / 3600).toFixed(2)
  credits.push(`- ${source.repository}: ${source.what}; ${counts.kept} recordings, ${hours} hours; ${source.licence}`)
  console.log(
    `${source.name}: ${hours} hours; ${Object.entries(counts)
      .map(([what, n]) => `${n} ${what}`)
      .join(', ')}`,
  )
}
if (credits.length === 0) {
  console.error(`error: ${from} has none of ${sources.map(({ name }) => name).join(', ')}`)
  process.exit(1)
}
writeFileSync(join(to, 'CREDITS.md'), `# Recordings\n\n${credits.join('\n')}\n`)
