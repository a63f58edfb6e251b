/** How precisely, and with how much delay, an engine computes: options that are the same for every engine. */

/**
 * What the layers of a network multiply when it predicts: float32, or bfloat16 with sums in float32. Training always
 * takes float32.
 */
export const precisions = ['exact', 'fast'] as const
export type Precision = (typeof precisions)[number]

/** How long a stream may wait for later audio: `normal` with Winograd blocks, `low` for the receptive field alone. */
export const latencies = ['normal', 'low'] as const
export type Latency = (typeof latencies)[number]
