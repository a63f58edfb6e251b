/** What the addon and this package must agree on. `loadAddon` refuses an addon that was built from other numbers. */
import { DiffWaveError } from '../../core/errors.js'
import { BINS_PER_RATIO } from '../loss-kernels.js'

/**
 * Positions of the chunk that a whole clip is fed in, at most: the native engine keeps the mel's upsampled rows that
 * far behind the first pass, so that later passes need not compute them again.
 */
export const MAX_CHUNK_POSITIONS = 13_824

/**
 * The largest dilation that the native engine computes in Winograd blocks. Such a layer works in groups of four
 * dilations, and lags behind the layer before it until a group is complete.
 */
export const MAX_WINOGRAD_DILATION = 32

/** What a job resolves to instead of its result. */
export const CANCELLED = -1
export const OUT_OF_MEMORY = -2
export const REFUSED = -3

/** The names under which the addon's `constants()` returns them. */
export const sharedConstants = {
  maxChunkPositions: MAX_CHUNK_POSITIONS,
  maxWinogradDilation: MAX_WINOGRAD_DILATION,
  binsPerRatio: BINS_PER_RATIO,
  cancelled: CANCELLED,
  outOfMemory: OUT_OF_MEMORY,
  refused: REFUSED,
} as const

/** How each engine is built. */
const buildCommands = { native: '`npx diffwave build-native`', wasm: '`npm run build:wasm`' } as const

/**
 * @param actual what the binding's `constants()` returns
 * @param path of the binary
 * @throws DiffWaveError `ENGINE_UNAVAILABLE` if the binary was built from other sources than this package
 */
export function checkConstants(
  actual: Readonly<Record<string, number>>,
  engine: keyof typeof buildCommands,
  path: string,
): void {
  for (const [name, expected] of Object.entries(sharedConstants)) {
    if (actual[name] === expected) continue
    throw new DiffWaveError(
      'ENGINE_UNAVAILABLE',
      `the ${engine} engine was built from other sources than this package`,
      {
        where: path,
        expected: `${name} ${expected}`,
        got: String(actual[name]),
        hint: `Build it again: ${buildCommands[engine]}.`,
      },
    )
  }
}
