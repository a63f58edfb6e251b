/**
 * Classifier-free guidance (Ho & Salimans 2022, eq. 6): ε = (1 + w)·ε_label − w·ε_none. With w = 0 this is the plain
 * conditional model. A larger w follows the label more closely, at the cost of variety. Other programs call s = 1 + w
 * the guidance scale.
 */
import { DiffWaveError } from '../core/errors.js'
import type { PassStream } from './reverse.js'

/** Combines the network's outputs with and without the label. */
export function guided(withLabel: Float32Array, without: Float32Array, weight: number): Float32Array {
  return withLabel.map((eps, i) => (1 + weight) * eps - weight * without[i]!)
}

/** Combines two streams over the same audio, with and without the label, into one. */
export function guidedStream(labelled: PassStream, unlabelled: PassStream, weight: number): PassStream {
  return {
    pushMel(mel, last) {
      labelled.pushMel(mel, last)
      unlabelled.pushMel(mel, last)
    },
    async predict(pass, audio, last, signal) {
      // Both at once, so that an engine can run each on its own thread.
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
