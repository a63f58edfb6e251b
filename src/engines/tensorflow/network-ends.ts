/**
 * How audio enters and leaves the residual stack of the TensorFlow.js graph: as disjoint patches, or as overlapping
 * windows in a Fourier basis (src/model/front-end/windows.ts).
 *
 * Shapes: B clips, T samples, S samples per position, P = T/S positions, K kernel, N bins.
 */
import tf = require('@tensorflow/tfjs-core')

import { analysisRows, coverage, synthesisRows, windowMargin } from '../../model/front-end/windows.js'
import type { FrontEndConfig, NetworkConfig } from '../../model/network.js'
import type { NetworkInput, ParameterTensors } from './network-input.js'

/** Both ends of the network for one input. */
interface NetworkEnds {
  /** The input of the input projection, `[B, P, inputs]`. */
  readonly encoded: tf.Tensor3D
  /** Converts the output of the output projection, `[B, P, outputs]`, to the network's output, `[B, T]`. */
  decode(output: tf.Tensor3D): tf.Tensor2D
}

/** Makes both ends of the network. Call it inside `tf.tidy`. */
export function networkEnds(
  network: NetworkConfig,
  parameters: ParameterTensors,
  input: NetworkInput,
  positions: number,
): NetworkEnds {
  return network.frontEnd === null
    ? patchEnds(network.patch, input, positions)
    : windowEnds(network.frontEnd, parameters, input, positions)
}

/** Sample p·S + j is channel j of position p. */
function patchEnds(patch: number, { audio, gains }: NetworkInput, positions: number): NetworkEnds {
  const [batch, samples] = audio.shape
  return {
    encoded: tf.reshape(audio, [batch, positions, patch]),
    decode(output) {
      if (gains === null) return tf.reshape(output, [batch, samples])
      const part = (index: 0 | 1): tf.Tensor2D =>
        tf.reshape(tf.slice3d(output, [0, 0, index * patch], [batch, positions, patch]), [batch, samples])
      return tf.add(tf.mul(part(0), gains), tf.mul(tf.sigmoid(part(1)), audio))
    },
  }
}

/** Y = m ⊙ X + g·E ⊙ f. A network without a mask or an envelope has fewer factors. */
function windowEnds(
  frontEnd: FrontEndConfig,
  parameters: ParameterTensors,
  { audio, gains, deviations }: NetworkInput,
  positions: number,
): NetworkEnds {
  const { bins, learned, kernel } = frontEnd
  const [batch] = audio.shape
  const rows = (name: 'analysis' | 'synthesis', fixed: (frontEnd: FrontEndConfig) => Float32Array): tf.Tensor2D =>
    learned
      ? tf.reshape(parameters[`front_end.${name}`]!, [2 * bins, kernel])
      : tf.tensor2d(fixed(frontEnd), [2 * bins, kernel])
  const spectrum = encodeWindows(frontEnd, audio, rows('analysis', analysisRows), positions)
  const scale = deviations === null ? null : (tf.concat([deviations, deviations], 2) as tf.Tensor3D)
  const encoded =
    scale === null || deviations === null
      ? spectrum
      : (tf.concat([tf.div(spectrum, scale), tf.div(tf.add(tf.log(deviations), 6), 3)], 2) as tf.Tensor3D)
  const slice = (output: tf.Tensor3D, from: number, count: number): tf.Tensor3D =>
    tf.slice3d(output, [0, 0, from], [batch, positions, count])
  return {
    encoded,
    decode(output) {
      let made: tf.Tensor3D = gains === null ? output : slice(output, 0, 2 * bins)
      if (scale !== null) made = tf.mul(made, scale)
      if (gains !== null) {
        const mask = tf.sigmoid(slice(output, 2 * bins, bins))
        const passed = tf.mul(tf.concat([mask, mask], 2), spectrum)
        made = tf.add(passed, tf.mul(made, tf.reshape(gains, [batch, 1, 1])))
      }
      return decodeWindows(frontEnd, made, rows('synthesis', synthesisRows), positions)
    },
  }
}

/** `[B, T]` → `[B, P, 2N]`. @param rows `[2N, K]` */
function encodeWindows(
  frontEnd: FrontEndConfig,
  audio: tf.Tensor2D,
  rows: tf.Tensor2D,
  positions: number,
): tf.Tensor3D {
  const { kernel, stride, bins } = frontEnd
  const margin = windowMargin(frontEnd)
  const [batch] = audio.shape
  const parts = kernel / stride
  const padded = tf.pad2d(audio, [
    [0, 0],
    [margin, margin],
  ])
  // K is a multiple of the stride, so a window consists of adjacent blocks of one stride.
  const blocks: tf.Tensor3D = tf.reshape(padded, [batch, positions + parts - 1, stride])
  const shifted = Array.from({ length: parts }, (_, part) =>
    tf.slice3d(blocks, [0, part, 0], [batch, positions, stride]),
  )
  const windows: tf.Tensor2D = tf.reshape(tf.concat(shifted, 2), [batch * positions, kernel])
  return tf.reshape(tf.matMul(windows, tf.transpose(rows)), [batch, positions, 2 * bins])
}

/** `[B, P, 2N]` → `[B, T]`: overlap-add, divided by the squared windows over each sample. @param rows `[2N, K]` */
function decodeWindows(
  frontEnd: FrontEndConfig,
  channels: tf.Tensor3D,
  rows: tf.Tensor2D,
  positions: number,
): tf.Tensor2D {
  const { kernel, stride, bins } = frontEnd
  const margin = windowMargin(frontEnd)
  const [batch] = channels.shape
  const parts = kernel / stride
  const flat: tf.Tensor2D = tf.reshape(channels, [batch * positions, 2 * bins])
  const pieces: tf.Tensor3D = tf.reshape(tf.matMul(flat, rows), [batch, positions, kernel])
  let sum: tf.Tensor3D | undefined
  for (let part = 0; part < parts; part++) {
    const block = tf.pad3d(tf.slice3d(pieces, [0, 0, part * stride], [batch, positions, stride]), [
      [0, 0],
      [part, parts - 1 - part],
      [0, 0],
    ])
    sum = sum === undefined ? block : tf.add(sum, block)
  }
  const samples = positions * stride
  const added: tf.Tensor2D = tf.reshape(sum!, [batch, samples + 2 * margin])
  const covered = tf.tensor2d(Float32Array.from(coverage(frontEnd, 0, positions, positions)), [1, samples])
  return tf.div(tf.slice2d(added, [0, margin], [batch, samples]), covered)
}
