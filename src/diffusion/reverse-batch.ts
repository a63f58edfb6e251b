/**
 * The reverse process over several clips of the same length, pass by pass, so that an engine gets all of them at once.
 * Each clip has its own noise, so its bytes do not depend on the other clips. They are the same as from
 * `reverseProcess`, which runs one clip piece by piece.
 */
import { nextTurn } from '#platform/core/turn'
import type { Callback } from '../core/callback.js'
import { throwIfAborted } from '../core/errors.js'
import type { OnProgress } from '../core/progress.js'
import { orAborted } from '../core/until-aborted.js'
import { drawOfPass, type NoiseSource } from './noise.js'
import type { PassState } from './samplers/sampler.js'
import { type ReverseSteps, reverseStep, type WatchedStep } from './step.js'

interface BatchRequest extends ReverseSteps {
  /** Returns the network's output for whole clips at a training step. */
  readonly predict: (clips: readonly Float32Array[], step: number) => Promise<readonly Float32Array[]>
  /** The noise of each clip. */
  readonly noises: readonly NoiseSource[]
  /** Samples per clip, a multiple of the network's patch. */
  readonly length: number
  readonly signal?: AbortSignal | undefined
  /** Called as the work goes on. The unit of its numbers is samples × passes. */
  readonly onProgress?: OnProgress | undefined
  /** For each clip, what is called after each pass. */
  readonly onStep?: readonly Callback<WatchedStep>[] | undefined
}

/** Runs the process. @returns x_0 of each clip @throws DiffWaveError `ABORTED`, and what the network throws */
export async function reverseBatch(request: BatchRequest): Promise<Float32Array[]> {
  const { sampler, noises, length, signal, onProgress, onStep } = request
  const passes = sampler.steps.length
  const states: PassState[] = []
  for (const noise of noises) states.push({ x: await drawn(noise, 0, length), carried: null })
  for (let pass = 0; pass < passes; pass++) {
    throwIfAborted(signal)
    const clips = states.map(state => state.x)
    const running = request.predict(clips, sampler.steps[pass]!)
    running.catch(() => undefined) // awaited below
    // The noise is drawn while the network runs.
    const draw = drawOfPass(sampler, pass)
    const zs: (Float32Array | null)[] = []
    for (const noise of noises) zs.push(draw === null ? null : await drawn(noise, draw, length))
    const outputs = await running
    for (const i of noises.keys()) {
      const input = { pass, state: states[i]!, output: outputs[i]!, noise: zs[i]! }
      const { state, clean } = reverseStep(request, input)
      states[i] = state
      await orAborted(onStep?.[i]?.({ pass, input: clips[i]!, state: state.x, clean }), signal)
    }
    const perPass = length * noises.length
    await orAborted(onProgress?.({ done: (pass + 1) * perPass, total: passes * perPass }), signal)
  }
  throwIfAborted(signal)
  return states.map(state => state.x)
}

/** A whole draw. Other work gets its turn of the event loop first. */
async function drawn(noise: NoiseSource, draw: number, length: number): Promise<Float32Array> {
  await nextTurn()
  return noise(draw, 0, length)
}
