/** The checks that every engine makes before arrays reach its kernels. */
import type { Mel } from '../audio/mel/convention.js'
import { isFloat32Array } from '../core/any-realm.js'
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import { melContext, melHop, type NetworkConfig, positionSamples } from '../model/network.js'
import type { ClipBatch, LossRequest, StreamRequest } from './engine.js'

function refuse(problem: string, expected: string, got: string | number): never {
  throw new DiffWaveError('BAD_SHAPE', problem, { expected, got: String(got) })
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
const isMel = (value: unknown) =>
  typeof value === 'object' && value !== null && isFloat32Array((value as Partial<Mel>).data)

/** The fields of a batch: a test for each item, and the name of the field in errors. */
const fields = [
  ['audio', isFloat32Array, 'a list of Float32Arrays'],
  ['steps', Number.isFinite, 'a list of numbers'],
  ['mel', isMel, 'a list of mels'],
  ['labels', (value: unknown) => value === null || typeof value === 'number', 'a list of indices and nulls'],
  ['target', isFloat32Array, 'a list of Float32Arrays'],
  ['weight', isFloat32Array, 'a list of Float32Arrays'],
] as const

/**
 * Refuses a value that is not a batch, before its fields are read.
 *
 * @param needed names of the required fields
 * @throws DiffWaveError `BAD_SHAPE`
 */
export function checkBatchTypes(batch: ClipBatch, needed: readonly string[] = ['audio', 'steps']): void {
  if (typeof batch !== 'object' || batch === null) refuse('not a batch', '{ audio, steps, … }', describe(batch))
  const values = new Map<string, unknown>(Object.entries(batch))
  for (const [name, fits, expected] of fields) {
    const value = values.get(name)
    if (value === undefined && !needed.includes(name)) continue
    if (!isList(value)) refuse(`${name} of a batch is not a list`, expected, describe(value))
    const wrong = Array.from(value).findIndex(item => !fits(item))
    if (wrong >= 0) {
      const item = value[wrong]
      refuse(`${name} of a batch holds something else`, expected, typeof item === 'number' ? item : describe(item))
    }
  }
}

/** Checks the steps of a stream. @throws DiffWaveError `BAD_SHAPE` */
export function checkStreamSteps(request: StreamRequest): void {
  const steps: unknown = typeof request === 'object' && request !== null ? request.steps : undefined
  if (!Array.isArray(steps)) refuse('steps of a stream are not an array', 'an array of numbers', describe(steps))
  for (const step of request.steps) checkStep(step)
}

/** Returns a pass of a stream if it exists and has not ended. @throws DiffWaveError `BAD_SHAPE` */
export function checkPass<Pass extends { readonly ended: boolean }>(passes: readonly Pass[], index: number): Pass {
  const pass = passes[index]
  if (pass === undefined) refuse('unknown pass', `0 … ${passes.length - 1}`, index)
  if (pass.ended) refuse('audio comes after the pass’s end', 'no more audio', `pass ${index}`)
  return pass
}

/** Checks that a stream's next audio is whole positions and finite. @throws DiffWaveError `BAD_SHAPE`, `NOT_FINITE` */
export function checkPiece(network: NetworkConfig, audio: Float32Array): void {
  const unit = positionSamples(network)
  if (audio.length % unit !== 0) {
    refuse('audio has the wrong length', `a multiple of ${unit} samples`, audio.length)
  }
  checkFinite(audio, 'audio')
}

/**
 * Checks that enough mel frames have arrived for the next audio (see `NoiseStream.pushMel`).
 *
 * @param samples number of samples fed to the pass, including the next piece
 * @param frames number of mel frames that have arrived
 * @param melEnded whether all have
 * @throws DiffWaveError `BAD_SHAPE`
 */
export function checkMelCovers({ mel }: NetworkConfig, samples: number, frames: number, melEnded: boolean): void {
  if (mel === null) return
  const needed = Math.ceil(samples / melHop(mel)) + (melEnded ? 0 : melContext(mel))
  if (needed > frames) refuse('audio is fed before the mel frames it needs', `frames up to ${needed}`, frames)
}

/** Checks that every number is finite. @throws DiffWaveError `NOT_FINITE`, naming the index */
function checkFinite(data: Float32Array, what: string): void {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      throw new DiffWaveError('NOT_FINITE', `${what} holds a number that is not finite`, { where: `index ${i}` })
    }
  }
}

/** Checks that a mel fits the network: the number of bands, the length of its data, and finite numbers. */
export function checkNetworkMel(network: NetworkConfig, mel: Mel): void {
  if (network.mel === null) refuse('this network takes no mel', 'none', 'one')
  if (mel.bands !== network.mel.bands) refuse('a mel has the wrong number of bands', `${network.mel.bands}`, mel.bands)
  if (!Number.isInteger(mel.frames) || mel.frames < 0 || mel.data.length !== mel.bands * mel.frames) {
    refuse('a mel’s data does not fit its shape', `${mel.bands} × ${mel.frames} numbers`, mel.data.length)
  }
  checkFinite(mel.data, 'a mel')
}

/** Checks that a label is one of the network's. */
export function checkLabel(network: NetworkConfig, label: number | null): void {
  if (label === null) return
  if (network.labels === null) refuse('this network takes no label', 'none', label)
  if (!Number.isInteger(label) || label < 0 || label >= network.labels.length) {
    refuse('unknown label', `0 … ${network.labels.length - 1}`, label)
  }
}

/** Checks that a diffusion step is a number that the embedding can take. */
function checkStep(step: number): void {
  if (!Number.isFinite(step) || step < 0) refuse('a diffusion step is out of range', 'a number from 0', step)
}

/** Checks the audio of one clip: whole positions, finite, and no longer than its mel. */
function checkClipAudio(network: NetworkConfig, audio: Float32Array, mel: Mel | undefined): void {
  const unit = positionSamples(network)
  if (audio.length === 0 || audio.length % unit !== 0) {
    refuse('audio has the wrong length', `a positive multiple of ${unit} samples`, audio.length)
  }
  if (network.mel !== null && mel !== undefined && audio.length > mel.frames * melHop(network.mel)) {
    refuse('audio is longer than its mel', `at most ${mel.frames * melHop(network.mel)} samples`, audio.length)
  }
  checkFinite(audio, 'audio')
}

/** Checks a whole batch. @throws DiffWaveError `BAD_SHAPE`, `NOT_FINITE` */
export function checkBatch(network: NetworkConfig, batch: ClipBatch): void {
  checkBatchTypes(batch)
  const clips = batch.audio.length
  if (clips === 0) refuse('a batch is empty', 'at least one clip', 0)
  if (batch.steps.length !== clips) refuse('steps do not match the clips', `${clips}`, batch.steps.length)
  for (let i = 0; i < clips; i++) checkStep(batch.steps[i]!)
  if (network.mel !== null && batch.mel?.length !== clips) {
    refuse('mels do not match the clips', `${clips}`, batch.mel?.length ?? 'none')
  }
  if (network.mel === null && batch.mel !== undefined) refuse('this network takes no mel', 'none', batch.mel.length)
  batch.mel?.forEach(mel => {
    checkNetworkMel(network, mel)
  })
  if (batch.labels !== undefined && batch.labels.length !== clips) {
    refuse('labels do not match the clips', `${clips}`, batch.labels.length)
  }
  batch.labels?.forEach(label => {
    checkLabel(network, label)
  })
  batch.audio.forEach((audio, i) => {
    checkClipAudio(network, audio, batch.mel?.[i])
  })
}

/** Checks a batch and the targets of its loss. @throws DiffWaveError `BAD_SHAPE`, `NOT_FINITE` */
export function checkLossRequest(network: NetworkConfig, request: LossRequest): void {
  checkBatchTypes(request, ['audio', 'steps', 'target'])
  if (request.loss !== 'l1' && request.loss !== 'l2') refuse('unknown loss', 'l1 or l2', describe(request.loss))
  checkBatch(network, request)
  for (const [what, arrays] of [
    ['targets', request.target],
    ['weights', request.weight],
  ] as const) {
    if (arrays === undefined) continue
    if (arrays.length !== request.audio.length)
      refuse(`${what} do not match the clips`, `${request.audio.length}`, arrays.length)
    arrays.forEach((array, i) => {
      if (array.length !== request.audio[i]!.length) {
        refuse(`${what} are not as long as the audio`, `${request.audio[i]!.length} samples`, array.length)
      }
      checkFinite(array, what)
    })
  }
}
