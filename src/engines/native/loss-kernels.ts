/** Terms of losses and the correction of training in the addon (native/training/audio-loss.h). */
import type { Mel } from '../../audio/mel/convention.js'
import type { CorrectionSettings } from '../../audio/mel/correction.js'
import { TargetFrames } from '../../audio/mel/target-frames.js'
import { hannWindow } from '../../audio/transforms/stft.js'
import { throwIfAborted } from '../../core/errors.js'
import {
  type ComputeTerms,
  type CorrectedClips,
  emptySums,
  type LossKernels,
  type SpectralTerm,
  type TermSums,
} from '../loss-kernels.js'
import type { Addon, FrameChainHandle, Handle, SpectralFramesHandle } from './addon.js'
import { type ConventionTables, correctionChain, keptTables } from './frame-chain.js'
import { unitRoots } from './mel-filters.js'
import type { NativeQueue } from './queue.js'

/** What one engine computes of losses. */
export interface NativeLosses {
  /**
   * The kernels for use within a piece of the engine's work, between the two halves of a batch's gradients, so past its
   * queue.
   *
   * @param cancelled the byte that stops the work, set when `signal` aborts
   */
  readonly lossKernels: (cancelled: Uint8Array, signal: AbortSignal | undefined) => LossKernels
  /** `Engine.spectralTerms`: a piece of work of its own. */
  readonly spectralTerms: ComputeTerms
}

export function nativeLosses(addon: Addon, handle: Handle, queue: NativeQueue): NativeLosses {
  const frames = new Map<number, SpectralFramesHandle>()
  const framesOf = (size: number): SpectralFramesHandle => {
    const known = frames.get(size)
    if (known !== undefined) return known
    const made = addon.openSpectralFrames({ size, window: hannWindow(size), roots: unitRoots(size) })
    frames.set(size, made)
    return made
  }
  const tablesOf = keptTables()
  /** @param run starts the addon's work, and checks its result */
  const compute = async (
    given: readonly SpectralTerm[],
    run: (start: (cancelled: Uint8Array) => Promise<number>) => Promise<number>,
  ): Promise<readonly TermSums[]> => {
    const results = given.map(emptySums)
    const works = given.map((term, i) => {
      const { kind, size, made, wanted, bins, weight } = term
      return {
        frames: framesOf(size),
        kind,
        made,
        wanted,
        bins,
        weight,
        offset: kind === 'magnitude' ? term.softest : 0,
        counts: kind === 'phase' ? term.counts : undefined,
        ...results[i]!,
      }
    })
    await run(cancelled => addon.spectralTerms(handle, works, cancelled))
    return results
  }
  return {
    lossKernels: (cancelled, signal) => {
      const checked = async (work: Promise<number>): Promise<number> => {
        const result = await work
        throwIfAborted(signal)
        return queue.check(result)
      }
      return {
        terms: given => compute(given, start => checked(start(cancelled))),
        correct: (convention, settings, audio, mels) =>
          corrected({ addon, handle, cancelled, checked }, tablesOf(convention), settings, audio, mels),
      }
    },
    spectralTerms: async given => {
      queue.checkAlive()
      return compute(given, start => queue.run(start))
    },
  }
}

/** What works on clips within a piece of an engine's work. */
interface LossWork {
  readonly addon: Addon
  readonly handle: Handle
  readonly cancelled: Uint8Array
  /** A job's result. @throws DiffWaveError `ABORTED`, `ENGINE_FAILED` */
  readonly checked: (work: Promise<number>) => Promise<number>
}

/** Corrects clips pass by pass and keeps what each pass was given. */
async function corrected(
  { addon, handle, cancelled, checked }: LossWork,
  { bands, shape }: ConventionTables,
  settings: CorrectionSettings,
  audio: readonly Float32Array[],
  mels: readonly Mel[],
): Promise<CorrectedClips> {
  const targets = audio.map((clip, i) => {
    const frames = new TargetFrames(bands)
    frames.push(mels[i]!)
    return frames.rows(0, Math.min(frames.end, Math.floor(clip.length / shape.hop) + 1)).slice()
  })
  const { passes } = settings
  const withChain = async <Result>(use: (chain: FrameChainHandle) => Promise<Result>): Promise<Result> => {
    const chain = addon.openFrameChain(handle, { ...correctionChain({ ...settings, passes: 1 }), ...shape })
    try {
      return await use(chain)
    } finally {
      addon.closeFrameChain(handle, chain)
    }
  }
  const onePass = (samples: Float32Array, i: number): Promise<Float32Array> =>
    withChain(async chain => {
      const prediction = new Float32Array(samples.length)
      const work = { audio: samples, last: true, targets: targets[i]!, prediction, cancelled }
      await checked(addon.pushFrameChain(handle, chain, work))
      return prediction
    })
  const inputs = [audio]
  for (let pass = 0; pass < passes; pass++) {
    const results: Float32Array[] = []
    for (const [i, samples] of inputs[pass]!.entries()) results.push(await onePass(samples, i))
    inputs.push(results)
  }
  return {
    audio: inputs[passes]!,
    gradients: given =>
      withChain(async chain => {
        let byResult = given
        for (let pass = passes - 1; pass >= 0; pass--) {
          const clips = inputs[pass]!.map((input, i) => ({
            input,
            byResult: byResult[i]!,
            targets: targets[i]!,
            gradient: new Float32Array(input.length),
          }))
          await checked(addon.correctionGradient(handle, chain, clips, cancelled))
          byResult = clips.map(({ gradient }) => gradient)
        }
        return byResult
      }),
  }
}
