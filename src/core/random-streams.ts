/**
 * Who uses which draws of a seed. A draw is one series of random numbers (random.ts); users of one seed must not share draws. The
 * reverse process uses draw 0 for x_T and draw n for the noise added at level n of its schedule, at most `MAX_DIFFUSION_STEPS`;
 * training uses one draw per batch, counted from 0. Everything else lies above both.
 */
export const draws = {
  /** Uniform number 0 chooses the label of a clip for which none is asked. */
  label: 0,
  /** Noise of the second recording of an interpolation. */
  secondRecording: 0xffff_0000,
} as const
