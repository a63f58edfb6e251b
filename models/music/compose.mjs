// A short piece of music from a seed: a mode, a tempo, a chord progression, and up to three parts over it (melody,
// accompaniment, bass), by rules written for this project. Two seeds differ in mode, tempo, chords, rhythm, melody and
// instruments. All are on the white keys and for mallets and bells: so many notes a small network can learn as they
// sound. (With twelve keys, nine instruments and percussion it learnt in two hours where notes begin, and noise in
// place of their pitches.)
import { uniform } from '../../dist/core/random.js'

/** Semitones of the scale's degrees above the tonic. */
const modes = {
  major: [0, 2, 4, 5, 7, 9, 11],
  minor: [0, 2, 3, 5, 7, 8, 10],
  dorian: [0, 2, 3, 5, 7, 9, 10],
}

/** MIDI note of each mode's tonic: C, A and D, so that all have the same notes. */
const tonics = { major: 60, minor: 57, dorian: 62 }

/** Degrees of the chords' roots, one chord a bar, by mode. */
const progressions = {
  major: ['0 3 4 0', '0 4 5 3', '0 5 3 4', '0 5 1 4', '3 4 0 0', '0 2 3 4', '0 3 0 4', '5 3 0 4', '1 4 0 0', '0 1 3 4'],
  minor: ['0 5 2 6', '0 3 6 2', '0 5 3 4', '0 6 5 6', '0 3 0 4', '5 6 0 0', '0 2 5 6', '3 5 0 6'],
  dorian: ['0 3 0 3', '0 6 3 0', '0 1 3 0', '0 2 6 3', '0 3 6 0'],
}

/** General MIDI programs, from 0: celesta, vibraphone, marimba. Clear attacks, tones that ring, few partials. */
const leads = [8, 11, 11, 12]
const accompaniments = [11, 12]
const BASS = 32

/** Note lengths of a melody's bar, in eighths. */
const rhythms = {
  4: [
    '2 2 2 2',
    '4 2 2',
    '2 2 4',
    '1 1 2 2 2',
    '2 1 1 2 2',
    '3 1 2 2',
    '3 1 4',
    '2 2 2 1 1',
    '1 1 2 1 1 2',
    '3 3 2',
    '4 4',
    '6 2',
  ],
  3: ['2 2 2', '4 2', '2 4', '1 1 2 2', '3 1 2', '6', '2 1 1 2'],
}

/**
 * Order in which an accompaniment's chord tones (0 … 3) sound, an eighth each; a number of several digits is a chord.
 */
const patterns = {
  4: [
    '0 1 2 1 0 1 2 1',
    '0 2 1 2 0 2 1 2',
    '0 1 2 3 2 1 2 1',
    '0 . 12 . 0 . 12 .',
    '012 . . . 012 . . .',
    '0 . 2 . 1 . 2 .',
    '. . 012 . . . 012 .',
  ],
  3: ['0 1 2 3 2 1', '0 . 12 . 12 .', '0 2 1 2 1 2', '012 . . . . .'],
}

/** Bars of a piece: the progression twice. */
const BARS = 8

/**
 * @param {number} seed
 * @returns {{ notes: import('./midi.mjs').Note[], seconds: number, about: object }} notes as `encodeMidi` takes them
 */
export function compose(seed) {
  let drawn = 0
  const random = () => uniform(seed, 0, drawn++)
  const chance = share => random() < share
  const pick = list => list[Math.floor(random() * list.length)]
  const numbers = text => text.split(' ').map(Number)

  const mode = pick(['major', 'major', 'minor', 'minor', 'dorian'])
  const tonic = tonics[mode]
  const beatsABar = chance(0.8) ? 4 : 3
  const tempo = 84 + 4 * Math.floor(random() * 13)
  const eighth = 30 / tempo
  const eighths = 2 * beatsABar
  const bar = eighths * eighth
  const chords = numbers(pick(progressions[mode]))
  const lead = pick(leads)
  const accompaniment = pick(accompaniments)
  const pattern = pick(patterns[beatsABar]).split(' ')
  const withBass = chance(0.5)
  const withMelody = chance(0.9)
  const motifs = [pick(rhythms[beatsABar]), pick(rhythms[beatsABar])].map(numbers)
  const form = pick(['00010001', '01010101', '00110011', '01100110'])
  const about = {
    mode,
    tonic: tonic % 12,
    tempo,
    beatsABar,
    lead,
    accompaniment,
    bass: withBass,
  }

  const notes = []
  /** The pitch of a degree of the scale, any number of octaves up or down. */
  const pitch = degree => tonic + modes[mode][((degree % 7) + 7) % 7] + 12 * Math.floor(degree / 7)
  const play = (channel, program, note, at, length, velocity) => {
    const human = 1 + 0.12 * (random() - 0.5)
    notes.push({
      time: at,
      seconds: length,
      channel,
      program,
      note,
      velocity: Math.min(127, Math.round(velocity * human)),
    })
  }

  let degree = 7 + pick([0, 2, 4])
  for (let b = 0; b < BARS; b++) {
    const start = b * bar
    const root = chords[b % chords.length]
    const last = b === BARS - 1
    if (withMelody) {
      let at = 0
      for (const length of last ? [eighths] : motifs[Number(form[b])]) {
        const strong = at % 4 === 0
        degree += pick(strong ? [-2, -1, 0, 1, 2] : [-2, -1, -1, 1, 1, 2])
        degree = Math.max(5, Math.min(15, degree))
        if (strong || last) degree = nearest(degree, root, last ? [0] : [0, 2, 4])
        if (last || !chance(0.08)) {
          play(0, lead, pitch(degree), start + at * eighth, length * eighth * 0.95, strong ? 100 : 86)
        }
        at += length
      }
    }
    const tones = [0, 2, 4, 7].map(step => root + step - (root > 3 ? 7 : 0))
    for (const [i, digits] of (last ? ['012'] : pattern).entries()) {
      if (digits === '.') continue
      const held = last
        ? eighths
        : 1 +
          pattern
            .slice(i + 1)
            .join('')
            .match(/^\.*/)[0].length
      for (const digit of digits) {
        play(1, accompaniment, pitch(tones[Number(digit)]), start + i * eighth, held * eighth, i % 4 === 0 ? 74 : 64)
      }
    }
    if (withBass) {
      const low = pitch(root - (root > 3 ? 14 : 7)) - 12
      const fifth = pitch(root + 4 - (root > 3 ? 14 : 7)) - 12
      play(2, BASS, low, start, (eighths / 2) * eighth, 92)
      if (!last) play(2, BASS, chance(0.5) ? fifth : low, start + Math.ceil(eighths / 4) * 2 * eighth, 2 * eighth, 80)
    }
  }
  return { notes, seconds: BARS * bar, about }
}

/** The degree closest to `degree` that is one of the chord's tones. */
function nearest(degree, root, steps) {
  for (let distance = 0; distance < 7; distance++) {
    for (const candidate of [degree - distance, degree + distance]) {
      if (steps.includes((((candidate - root) % 7) + 7) % 7)) return candidate
    }
  }
  return degree
}
