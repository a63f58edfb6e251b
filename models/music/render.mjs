// Renders pieces of music to 16 kHz mono WAVs: compose.mjs → MIDI → fluidsynth with the FluidR3 sound font (MIT) → one
// level; and writes the classes of their stretches (score-labels.mjs) to metadata.csv. The same call gives the same
// files. Needs the Debian packages fluidsynth and fluid-soundfont-gm, and this package built.
//
//   node models/music/render.mjs <folder> [first seed] [pieces]
//
// The model is trained on seeds 1 … 600 (3 h); seeds from 100001 on are held out.
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readWav } from '../../dist/audio/codecs/read-wav.js'
import { writeWav } from '../../dist/audio/codecs/wav-file.js'
import { resample } from '../../dist/audio/resample.js'
import { compose } from './compose.mjs'
import { encodeMidi } from './midi.mjs'
import { scoreLabels } from './score-labels.mjs'

const SOUND_FONT = process.env.SOUND_FONT ?? '/usr/share/sounds/sf2/FluidR3_GM.sf2'
/**
 * Hz at which fluidsynth plays: its own interpolation would fold what lies above 8 kHz down into a 16 kHz rendering.
 */
const PLAYED_RATE = 48_000
const RATE = 16_000
/** Pieces of one call of fluidsynth, which spends a second reading the sound font; silence between them, in seconds. */
const TOGETHER = 24
const GAP = 4
/** Root mean square of a piece, and the most that its peak may reach. */
const LEVEL = 0.1
const PEAK = 0.95

const [folder, first = '1', count = '600'] = process.argv.slice(2)
if (folder === undefined || !/^\d+$/.test(first) || !/^\d+$/.test(count)) {
  console.error('usage: node models/music/render.mjs <folder> [first seed] [pieces]')
  process.exit(2)
}
mkdirSync(folder, { recursive: true })
const scratch = mkdtempSync(join(tmpdir(), 'diffwave-music-'))
let seconds = 0
try {
  for (let done = 0; done < Number(count); done += TOGETHER) {
    const pieces = Array.from({ length: Math.min(TOGETHER, Number(count) - done) }, (_, i) => {
      const seed = Number(first) + done + i
      return { seed, ...compose(seed) }
    })
    seconds += await render(pieces)
    console.log(`${done + pieces.length} of ${count} pieces, ${(seconds / 3600).toFixed(2)} h`)
  }
} finally {
  rmSync(scratch, { recursive: true })
}

/** Writes one WAV a piece; gives the seconds written. */
async function render(pieces) {
  const notes = []
  let end = 0
  const starts = pieces.map(piece => {
    const start = end
    notes.push(...piece.notes.map(note => ({ ...note, time: note.time + start })))
    end += piece.seconds + GAP
    return start
  })
  const [midi, wav] = [join(scratch, 'pieces.mid'), join(scratch, 'pieces.wav')]
  writeFileSync(midi, encodeMidi(notes))
  const options = [
    '-n',
    '-i',
    '-q',
    '-R',
    '0',
    '-C',
    '0',
    '-g',
    '0.5',
    '-r',
    String(PLAYED_RATE),
    '-T',
    'wav',
    '-O',
    's16',
  ]
  execFileSync('fluidsynth', [...options, '-F', wav, SOUND_FONT, midi], { stdio: ['ignore', 'ignore', 'inherit'] })
  const { samples } = await readWav(wav)
  let written = 0
  for (const [i, piece] of pieces.entries()) {
    const from = Math.round(starts[i] * PLAYED_RATE)
    const played = samples.subarray(from, from + Math.round(piece.seconds * PLAYED_RATE))
    const audio = levelled((await resample({ samples: played, sampleRate: PLAYED_RATE }, RATE)).samples)
    await writeWav(join(folder, `piece-${piece.seed}.wav`), { samples: audio, sampleRate: RATE })
    const lines = scoreLabels(piece).map(({ from, label }) => `piece-${piece.seed}.wav,${label},${from}\n`)
    appendFileSync(join(folder, 'metadata.csv'), lines.join(''))
    written += audio.length / RATE
  }
  return written
}

function levelled(samples) {
  const peak = samples.reduce((most, s) => Math.max(most, Math.abs(s)), 0)
  const rms = Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length)
  const gain = Math.min(LEVEL / rms, PEAK / peak)
  return samples.map(s => s * gain)
}
