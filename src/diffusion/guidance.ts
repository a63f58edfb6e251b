/**
 * Classifier-free guidance (Ho & Salimans 2022, eq. 6): ε = (1 + w)·ε_label − w·ε_none. w = 0 is the plain conditional
 * model; larger w follows the label more closely, at the cost of variety. Others write a guidance scale s = 1 + w.
 */
import { DiffWaveError } from '../core/errors.js'
import type { PassStream } from './reverse.js'

/** The network's outputs with the label and without, combined. */
export function guided(withLabel: Float32Array, without: Float32Array, weight: number): Float32Array {
  return withLabel.map((eps, i) => (1 + weight) * eps - weight * without[i]!)
}

/** Two streams over the same audio, with the label and without, combined. */
export function guidedStream(labelled: PassStream, unlabelled: PassStream, weight: number): PassStream {
  return {
    pushMel(mel, last) {
      labelled.pushMel(mel, last)
      unlabelled.pushMel(mel, last)
    },
    async predict(pass, audio, last, signal) {
      // At the same time, so that an engine may run them on a thread each.
      const [withLabel, without] = await Promise.all([
        labelled.predict(pass, audio, last, signal),
        unlabelled.predict(pass, audio, last, signal),
      ])
      if (withLabel.length !== without.length) {
        throw new DiffWaveError('ENGINE_FAILED', 'two streams over the same audio returned different lengths')
      }
      return guided(withLabel, without, weight)
    },
    dispose() {
      labelled.dispose()
      unlabelled.dispose()
    },
  }
}
