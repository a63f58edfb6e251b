/**
 * An engine without a network. ε is a cheap function of the audio within a radius, of the step, the label and the mel,
 * and zero beyond the ends of the clip. The engine follows the contract of streams exactly, and checks that its callers
 * do.
 */
import assert from 'node:assert/strict'
import type { Mel } from '#src/audio/mel/convention'
import { throwIfAborted } from '#src/core/errors'
import type { Engine, NoiseStream, StreamRequest } from '#src/engines/engine'
import { melContext, melHop, type NetworkConfig } from '#src/model/network'

export interface FakeEngine extends Engine {
  /** Number of streams that are not disposed of. */
  readonly open: number
  /** The largest number of samples × passes of audio and ε that a stream has kept. */
  readonly mostKept: number
  /** Number of calls of `predict`. */
  readonly calls: number
}

export function fakeEngine(network: NetworkConfig, radius = 37): FakeEngine {
  const hop = network.mel === null ? 1 : melHop(network.mel)
  const context = network.mel === null ? 0 : melContext(network.mel)
  const state = { open: 0, mostKept: 0, calls: 0 }

  /** Computes ε at sample i of audio that starts at `from`. */
  const epsilon = (
    audio: (i: number) => number,
    i: number,
    step: number,
    label: number | null,
    mel: number[],
  ): number => {
    const neighbours = audio(i - radius) - audio(i + radius) + 0.5 * audio(i - 1)
    const frame = Math.floor(i / hop)
    const conditioning = (mel[frame - 1] ?? 0) + 2 * (mel[frame] ?? 0) + (mel[frame + context] ?? 0)
    return Math.tanh(0.7 * audio(i) + 0.1 * neighbours + 0.01 * step + 0.3 * (label ?? -1) + 0.05 * conditioning)
  }
  const frameSums = (mel: Mel): number[] =>
    Array.from({ length: mel.frames }, (_, frame) => {
      let sum = 0
      for (let band = 0; band < mel.bands; band++) sum += mel.data[band * mel.frames + frame]!
      return sum / mel.bands
    })

  const openStream = ({ steps, label = null }: StreamRequest): NoiseStream => {
    state.open++
    let disposed = false
    let mel: number[] = []
    let melEnded = network.mel === null
    const passes = steps.map(() => ({ start: 0, kept: new Float32Array(0), given: 0, ended: false }))
    return {
      latency: radius,
      pushMel(piece, last) {
        assert.ok(!disposed && !melEnded)
        mel = mel.concat(frameSums(piece))
        melEnded = last
      },
      async predict(index, audio, last, signal) {
        await new Promise(resolve => setImmediate(resolve))
        throwIfAborted(signal)
        state.calls++
        const pass = passes[index]!
        assert.ok(!disposed && !pass.ended && audio.length % network.patch === 0)
        const kept = new Float32Array(pass.kept.length + audio.length)
        kept.set(pass.kept)
        kept.set(audio, pass.kept.length)
        const end = pass.start + kept.length
        if (network.mel !== null) {
          const frame = Math.floor((end - 1) / hop)
          assert.ok(frame < mel.length && (melEnded || frame + context < mel.length), 'audio came before its mel')
        }
        const final = last ? end : Math.max(pass.given, Math.floor((end - radius) / network.patch) * network.patch)
        const out = new Float32Array(final - pass.given)
        const at = (i: number) => kept[i - pass.start] ?? 0
        for (let i = pass.given; i < final; i++) out[i - pass.given] = epsilon(at, i, steps[index]!, label, mel)
        const start = Math.max(pass.start, final - radius)
        passes[index] = { start, kept: kept.slice(start - pass.start), given: final, ended: last }
        state.mostKept = Math.max(
          state.mostKept,
          passes.reduce((sum, p) => sum + p.kept.length, 0),
        )
        return out
      },
      dispose() {
        if (!disposed) state.open--
        disposed = true
      },
    }
  }

  return {
    name: 'fake',
    device: 'none',
    network,
    get open() {
      return state.open
    },
    get mostKept() {
      return state.mostKept
    },
    get calls() {
      return state.calls
    },
    openStream,
    async predict({ audio, steps, mel, labels }) {
      return audio.map((clip, c) => {
        const sums = mel === undefined ? [] : frameSums(mel[c]!)
        return clip.map((_, i) => epsilon(j => clip[j] ?? 0, i, steps[c]!, labels?.[c] ?? null, sums))
      })
    },
    lossGradients: () => Promise.reject(new Error('the fake engine does not learn')),
    backward: () => Promise.reject(new Error('the fake engine does not learn')),
    setParameters: () => Promise.resolve(),
    dispose: () => Promise.resolve(),
  }
}
