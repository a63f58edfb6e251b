/**
 * The constants that the addon and this package must agree on. `loadAddon` refuses an addon that was built with other
 * values.
 */
import { DiffWaveError } from '../../core/errors.js'
import { BINS_PER_RATIO } from '../loss-kernels.js'
import { MAX_CHUNK_POSITIONS, MAX_WINOGRAD_DILATION } from '../streaming.js'
import { CANCELLED, OUT_OF_MEMORY, REFUSED } from './results.js'

/** The constants by the names under which the addon's `constants()` returns them. */
const sharedConstants = {
  maxChunkPositions: MAX_CHUNK_POSITIONS,
  maxWinogradDilation: MAX_WINOGRAD_DILATION,
  binsPerRatio: BINS_PER_RATIO,
  cancelled: CANCELLED,
  outOfMemory: OUT_OF_MEMORY,
  refused: REFUSED,
} as const

/** The command that builds each engine. */
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
      `the ${engine} engine was not built from the sources of this package`,
      {
        where: path,
        expected: `${name} ${expected}`,
        got: String(actual[name]),
        hint: `Build it again: ${buildCommands[engine]}.`,
      },
    )
  }
}
