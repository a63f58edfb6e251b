/** Computes all measures of a copy against its original. */
import { namedConventions } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { trackPitch } from '../pitch.js'
import { levelDifferences } from './levels.js'
import { logMelDistance } from './log-mel-distance.js'
import { logSpectralDistance } from './log-spectral-distance.js'
import { COMPARED_RATE, type Measurements } from './measures.js'
import { melCepstralDistortion } from './mel-cepstral-distortion.js'
import { modulationError } from './modulation-error.js'
import { periodicityError } from './periodicity-error.js'
import { pitchError } from './pitch-error.js'
import { stftDistance } from './stft-distance.js'

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
    modulation: modulationError(a, b, COMPARED_RATE),
    level: levels.whole,
    pauseLevel: levels.pauses,
    highLevel: levels.high,
    centroid: levels.centroid,
  }
}
