/**
 * Copies of the caller's arrays, made when a call begins. JavaScript goes on while an engine works: the caller may
 * write to an array, or transfer or resize its buffer, and other threads may write to shared memory. Native code must
 * never see such a change.
 */
import type { Mel } from '../audio/mel/convention.js'
import { isFloat32Array } from '../core/any-realm.js'
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import { isObject } from '../core/is-object.js'
import type { BackwardRequest, ClipBatch, LossRequest } from './engine.js'
import type { LossKernels } from './loss-kernels.js'

/**
 * Copies an array to a buffer of its own, which is neither shared nor resizable.
 *
 * @throws DiffWaveError `BAD_SHAPE` if the value is not a Float32Array
 */
export function snapshot(samples: Float32Array): Float32Array<ArrayBuffer> {
  if (!isFloat32Array(samples)) {
    throw new DiffWaveError('BAD_SHAPE', 'samples are of the wrong type', {
      expected: 'a Float32Array',
      got: describe(samples),
    })
  }
  return new Float32Array(samples)
}

/**
 * Copies a mel, without what else its object may hold: a function could not be sent to a thread.
 *
 * @throws DiffWaveError `BAD_SHAPE` if the value is not a mel
 */
export function snapshotMel(mel: Mel): Mel {
  if (!isObject(mel)) {
    throw new DiffWaveError('BAD_SHAPE', 'a mel is of the wrong type', {
      expected: '{ data, bands, frames }',
      got: describe(mel),
    })
  }
  const { data, bands, frames } = mel
  return { data: snapshot(data), bands, frames }
}

/** Copies a batch with all its arrays. */
export function snapshotBatch<Batch extends ClipBatch>(batch: Batch): Batch {
  return {
    ...batch,
    audio: batch.audio.map(snapshot),
    steps: Array.from(batch.steps),
    ...(batch.mel === undefined ? {} : { mel: batch.mel.map(snapshotMel) }),
    ...(batch.labels === undefined ? {} : { labels: [...batch.labels] }),
  }
}

/** Copies a batch with its targets and weights. */
export function snapshotLoss(request: LossRequest): LossRequest {
  return {
    ...snapshotBatch(request),
    target: request.target.map(snapshot),
    ...(request.weight === undefined ? {} : { weight: request.weight.map(snapshot) }),
  }
}

/** Asks the caller's loss for the gradients, checks them, and copies them at once. */
export async function gradientsOf(
  { gradientOf }: Pick<BackwardRequest, 'gradientOf'>,
  outputs: readonly Float32Array[],
  kernels: LossKernels | null,
): Promise<Float32Array[]> {
  const given = gradientOf(outputs, kernels)
  return (given instanceof Promise ? await given : given).map(snapshot)
}
