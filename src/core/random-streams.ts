/**
 * Which part of the code uses which random numbers of a seed. A draw is one series of numbers (random.ts), and users of
 * the same seed must not share draws. The draws are part of what a seed means: changing one changes the bytes.
 *
 * | seed of | draw | numbers |
 * | --- | --- | --- |
 * | a clip | 0 | Gaussian: x_T; uniform number 0: the label of a clip for which none is asked |
 * | a clip | n, 1 … `MAX_DIFFUSION_STEPS` | Gaussian: the noise added at level n of the schedule |
 * | a clip | `secondRecording` | Gaussian: the noise of an interpolation's second recording |
 * | a clip | `highBand` | Gaussian: the noise above a vocoder's mel |
 * | Griffin-Lim | 0 | uniform: the first phases |
 * | a training run | batch number, from 0 | Gaussian: noise of the crops; uniform: the crops' choice (`batchIndices`) |
 * | a training run | `initialParameters` + i | the initial values of parameter i |
 * | 0 | `validation` + level | Gaussian: the noise of validation, the same in every run |
 * | a classifier | `classifierWeights` + i | initial weights of layer i |
 * | a classifier | `classifierOrder` + epoch; epoch | order of the examples; their noise |
 * | baselines of an evaluation | `baselineNoise`; `baselineOrder` | noise; order of the pieces |
 */
export const draws = {
  label: 0,
  secondRecording: 0xffff_0000,
  highBand: 0xfffe_0000,
  initialParameters: 0xffff_0000,
  validation: 0xfffe_0000,
  classifierWeights: 0xfffd_0000,
  classifierOrder: 0xfffc_0000,
  baselineNoise: 0,
  baselineOrder: 1,
} as const

/** Index at which the numbers of each choice begin, among the uniform numbers of a training batch's draw. */
export const batchIndices = {
  /** Four numbers per crop: the position in the data, an unused one, the gain, and whether to drop the label. */
  crops: 0,
  /** One number per crop: the silence before a short clip. */
  leadIns: 2 ** 19,
  /** One number for the batch, then three per clip: the diffusion steps. */
  steps: 2 ** 20,
} as const
