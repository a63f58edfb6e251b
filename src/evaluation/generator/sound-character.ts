/** Whether clips move and ring as the data does: distributions of onset rate and of pitch salience. */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'
import { type PitchRange, pitchSalience } from '../pitch.js'
import { type Spread, spread } from '../statistics/moments.js'
import { clipPattern } from './clip-pattern.js'
import type { ClipSet } from './clip-set.js'
import { onsetRate } from './onsets.js'

/** Music's melodies and voices. */
const RANGE: PitchRange = { lowest: 50, highest: 2000 }

/** Seconds between frames whose salience is taken. */
const HOP = 0.04
/** Clips that are looked at, at most, spread over the set. */
const MOST_CLIPS = 500

export interface SoundCharacter {
  /** Onsets a second. */
  readonly onsetRate: Spread
  /** Mean over a clip's frames that sound of 1 − YIN's aperiodicity, 0 … 1. */
  readonly pitchSalience: Spread
}

/** @param set with its audio kept */
export async function soundCharacter(set: ClipSet, signal?: AbortSignal): Promise<SoundCharacter> {
  const [rates, saliences]: [number[], number[]] = [[], []]
  const stride = Math.max(1, Math.ceil(set.clips.length / MOST_CLIPS))
  for (const [i, { pattern, first }] of set.clips.entries()) {
    if (i % stride !== 0) continue
    throwIfAborted(signal)
    // Not past the recording's end: a short clip has its own length.
    const frames = Math.min(set.frames, pattern.frames - first)
    rates.push(onsetRate(clipPattern(pattern, first, frames), set.frameSeconds))
    const heard = [...pitchSalience(set.audio[i]!, set.sampleRate, RANGE, HOP)].filter(salience => salience > 0)
    saliences.push(heard.length === 0 ? 0 : heard.reduce((sum, x) => sum + x, 0) / heard.length)
    await setImmediate()
  }
  return { onsetRate: spread(rates), pitchSalience: spread(saliences) }
}
