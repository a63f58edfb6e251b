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

/**
 * Opens two streams over the same audio, with and without the label, as one.
 *
 * @param open opens the stream of a label, or without one
 */
export function guidedStream(open: (label: number | null) => PassStream, label: number, weight: number): PassStream {
  const labelled = open(label)
  const unlabelled = openBeside(labelled, () => open(null))
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

/** Opens a second stream. If that fails, the first one is not left behind. */
function openBeside(first: PassStream, open: () => PassStream): PassStream {
  try {
    return open()
  } catch (error) {
    first.dispose()
    throw error
  }
}
