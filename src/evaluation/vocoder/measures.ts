/** The measures of a copy against its original: their names, titles and units, and what they are computed from. */
import { namedConventions } from '../../audio/mel/convention.js'
import { deepFrozen } from '../../core/frozen.js'

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
  | 'modulation'
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
export const measures: Readonly<Record<Measure, MeasureInfo>> = deepFrozen({
  logMel: { title: 'log-mel distance', unit: 'nepers' },
  stft: { title: 'MR-STFT distance up to 8 kHz', unit: '' },
  logSpectral: { title: 'log-spectral distance', unit: 'dB' },
  melCepstral: { title: 'mel-cepstral distortion', unit: 'dB' },
  pitchCents: { title: 'mean pitch error', unit: 'cents' },
  pitchHertz: { title: 'RMS pitch error', unit: 'Hz' },
  pitchGross: { title: 'share of pitches more than 20 % off', unit: '' },
  voicingF1: { title: 'voicing F1', unit: '' },
  periodicity: { title: 'RMS periodicity error', unit: '' },
  modulation: { title: 'modulation error', unit: '' },
  level: { title: 'level difference', unit: 'dB' },
  pauseLevel: { title: 'level difference in pauses', unit: 'dB' },
  highLevel: { title: 'level difference above 8 kHz', unit: 'dB' },
  centroid: { title: 'spectral centroid difference', unit: 'Hz' },
  realTimeFactor: { title: 'real-time factor', unit: '' },
})

/**
 * One number per measure. Null if it is undefined, for example for a recording without voiced frames or without a
 * pause.
 */
export type Measurements = Readonly<Record<Measure, number | null>>

/** The mean of each measure over the files for which it is defined. */
export function meanMeasurements(rows: readonly Measurements[]): Measurements {
  const mean = (measure: Measure) => {
    const known = rows.map(row => row[measure]).filter(value => value !== null)
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
  }
  return Object.fromEntries((Object.keys(measures) as Measure[]).map(key => [key, mean(key)])) as Measurements
}
