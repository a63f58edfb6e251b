/**
 * Copies of a caller's arrays, made when a call begins. While an engine works, JavaScript runs on: the caller may
 * write to an array, transfer or resize its buffer, and another thread may write to shared memory. Native code must
 * never see that.
 */
import type { Mel } from '../audio/mel/convention.js'
import { DiffWaveError } from '../core/errors.js'
import type { BackwardRequest, ClipBatch } from './engine.js'
import type { LossKernels } from './loss-kernels.js'

/**
 * A copy on a buffer of its own, neither shared nor resizable.
 *
 * @throws DiffWaveError `BAD_SHAPE` if it is not a typed array
 */
export function snapshot(samples: Float32Array): Float32Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(samples)) {
    throw new DiffWaveError('BAD_SHAPE', 'samples are not a Float32Array', { got: typeof samples })
  }
  return new Float32Array(samples)
}

export function snapshotMel(mel: Mel): Mel {
  return { ...mel, data: snapshot(mel.data) }
}

/** The same batch on arrays that nobody else has. */
export function snapshotBatch<Batch extends ClipBatch>(batch: Batch): Batch {
  return {
    ...batch,
    audio: batch.audio.map(snapshot),
    steps: Array.from(batch.steps),
    ...(batch.mel === undefined ? {} : { mel: batch.mel.map(snapshotMel) }),
    ...(batch.labels === undefined ? {} : { labels: [...batch.labels] }),
  }
}

/** Copies of the gradients that a request's loss returns, made as soon as they are there. */
export async function gradientsOf(
  { gradientOf }: Pick<BackwardRequest, 'gradientOf'>,
  outputs: readonly Float32Array[],
  kernels: LossKernels | null,
): Promise<Float32Array[]> {
  const given = gradientOf(outputs, kernels)
  return (given instanceof Promise ? await given : given).map(snapshot)
}
