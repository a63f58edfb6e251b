/** The sound character of a set of clips: onset rate and pitch salience, which should be distributed as in the data. */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'
import { type PitchRange, pitchSalience } from '../pitch.js'
import { type Spread, spread } from '../statistics/moments.js'
import { clipPattern } from './clip-pattern.js'
import { type ClipSet, spreadOver } from './clip-set.js'
import { onsetRate } from './onsets.js'

/** The range of melodies and voices, in Hz. */
const RANGE: PitchRange = { lowest: 50, highest: 2000 }

/** Seconds between the frames whose salience is measured. */
const HOP = 0.04
/** Max number of clips to measure, spread over the set. */
const MAX_CLIPS = 500

/** Onset rate and pitch salience of a set of clips. */
export interface SoundCharacter {
  /** Onsets per second. */
  readonly onsetRate: Spread
  /** Pitch salience: 1 − YIN's aperiodicity, 0 to 1, averaged over the audible frames of each clip. */
  readonly pitchSalience: Spread
}

/** @param set a set that keeps its audio */
export async function soundCharacter(set: ClipSet, signal?: AbortSignal): Promise<SoundCharacter> {
  const [rates, saliences]: [number[], number[]] = [[], []]
  for (const [i, { pattern, first }] of spreadOver([...set.clips.entries()], MAX_CLIPS)) {
    throwIfAborted(signal)
    // Not beyond the recording's end: a short clip has its own length.
    const frames = Math.min(set.frames, pattern.frames - first)
    rates.push(onsetRate(clipPattern(pattern, first, frames), set.frameSeconds))
    const heard = [...pitchSalience(set.audio[i]!, set.sampleRate, RANGE, HOP)].filter(salience => salience > 0)
    saliences.push(heard.length === 0 ? 0 : heard.reduce((sum, x) => sum + x, 0) / heard.length)
    await setImmediate()
  }
  return { onsetRate: spread(rates), pitchSalience: spread(saliences) }
}
