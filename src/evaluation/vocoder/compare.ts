/** Computes all measures of a copy against its original. */
import { namedConventions } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { trackPitch } from '../pitch.js'
import { levelDifferences } from './levels.js'
import { logMelDistance } from './log-mel-distance.js'
import { logSpectralDistance } from './log-spectral-distance.js'
import { melCepstralDistortion } from './mel-cepstral-distortion.js'
import { periodicityError } from './periodicity-error.js'
import { pitchError } from './pitch-error.js'
import { stftDistance } from './stft-distance.js'

/** Sample rate in Hz at which all recordings are compared. */
export const COMPARED_RATE = namedConventions.tacotron2.sampleRate
/** Length in samples of the shortest audio that can be compared: the longest analysis window. */
export const MIN_SAMPLES = 2048

/** Names of the measures. `measures` has the title and the unit of each. */
export type Measure =
  | 'logMel'
  | 'stft'
  | 'logSpectral'
  | 'melCepstral'
  | 'pitchCents'
  | 'pitchHertz'
  | 'pitchGross'
  | 'voicingF1'
  | 'periodicity'
  | 'level'
  | 'pauseLevel'
  | 'highLevel'
  | 'centroid'
  | 'realTimeFactor'

/** Title and unit of a measure, for reports. */
export interface MeasureInfo {
  /** Title, for the heading of a column. */
  readonly title: string
  /** Unit; empty if it has none. */
  readonly unit: string
}

/** All measures, in the order of the report's columns. */
export const measures: Readonly<Record<Measure, MeasureInfo>> = {
  logMel: { title: 'log-mel distance', unit: 'nepers' },
  stft: { title: 'MR-STFT distance up to 8 kHz', unit: '' },
  logSpectral: { title: 'log-spectral distance', unit: 'dB' },
  melCepstral: { title: 'mel-cepstral distortion', unit: 'dB' },
  pitchCents: { title: 'mean pitch error', unit: 'cents' },
  pitchHertz: { title: 'RMS pitch error', unit: 'Hz' },
  pitchGross: { title: 'share of pitches more than 20 % off', unit: '' },
  voicingF1: { title: 'voicing F1', unit: '' },
  periodicity: { title: 'RMS periodicity error', unit: '' },
  level: { title: 'level difference', unit: 'dB' },
  pauseLevel: { title: 'level difference in pauses', unit: 'dB' },
  highLevel: { title: 'level difference above 8 kHz', unit: 'dB' },
  centroid: { title: 'spectral centroid difference', unit: 'Hz' },
  realTimeFactor: { title: 'real-time factor', unit: '' },
}

/**
 * One number per measure. Null if it is undefined, for example for a recording without voiced frames or without a
 * pause.
 */
export type Measurements = Readonly<Record<Measure, number | null>>

/**
 * Compares two recordings over the length of the shorter one.
 *
 * @param original @param made both at `COMPARED_RATE`, at least `MIN_SAMPLES` long
 */
export function compare(original: Float32Array, made: Float32Array): Omit<Measurements, 'realTimeFactor'> {
  const length = Math.min(original.length, made.length)
  const [a, b] = [original.subarray(0, length), made.subarray(0, length)]
  const [melA, melB] = [a, b].map(samples =>
    melSpectrogram({ samples, sampleRate: COMPARED_RATE }, namedConventions.tacotron2),
  )
  const [trackA, trackB] = [trackPitch(a, COMPARED_RATE), trackPitch(b, COMPARED_RATE)]
  const pitch = pitchError(trackA, trackB)
  const levels = levelDifferences(a, b, COMPARED_RATE)
  return {
    logMel: logMelDistance(melA!, melB!),
    stft: stftDistance(a, b, COMPARED_RATE),
    logSpectral: logSpectralDistance(a, b, COMPARED_RATE),
    melCepstral: melCepstralDistortion(melA!, melB!),
    pitchCents: pitch.cents,
    pitchHertz: pitch.hertz,
    pitchGross: pitch.grossShare,
    voicingF1: pitch.voicingF1,
    periodicity: periodicityError(trackA, trackB),
    level: levels.whole,
    pauseLevel: levels.pauses,
    highLevel: levels.high,
    centroid: levels.centroid,
  }
}

/** The mean of each measure over the files for which it is defined. */
export function meanMeasurements(rows: readonly Measurements[]): Measurements {
  const mean = (measure: Measure) => {
    const known = rows.map(row => row[measure]).filter(value => value !== null)
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
  }
  return Object.fromEntries((Object.keys(measures) as Measure[]).map(key => [key, mean(key)])) as Measurements
}
