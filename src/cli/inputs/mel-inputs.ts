/** Mel files as inputs: a batch of mels in one file is an input for each of them. */
import { defined } from '../../core/defined.js'
import { throwIfAborted } from '../../core/errors.js'
import { countMels, openMel, openMels, type StoredMel } from '../../formats/mel-stream.js'
import type { Input } from './inputs.js'

/** The values of `--key` and `--index`. */
export interface MelFileChoice {
  readonly key?: string | undefined
  readonly index?: number | undefined
}

/** A mel of a file. */
export interface MelInput extends Input {
  /** Which of a batch, from 0; undefined: the file's only one, or that of `--index`. */
  readonly ofBatch?: number | undefined
}

/**
 * An input for each mel of each file: `batch.npy` of 12 mels is `batch.npy[0]` to `[11]`, whose results are
 * `batch-00` to `batch-11`. A file that cannot be read stays one input, and fails when it is read again.
 *
 * @throws DiffWaveError `ABORTED`
 */
export async function eachMel(
  inputs: readonly Input[],
  { key, index }: MelFileChoice,
  signal: AbortSignal,
): Promise<readonly MelInput[]> {
  if (index !== undefined) return inputs
  const all: MelInput[] = []
  for (const input of inputs) {
    throwIfAborted(signal)
    const count = await countMels(input.path, key).catch(() => 1)
    const width = String(count - 1).length
    for (let i = 0; i < count; i++) {
      const number = String(i).padStart(width, '0')
      all.push(
        count === 1 ? input : { ...input, name: `${input.name}[${i}]`, stem: `${input.stem}-${number}`, ofBatch: i },
      )
    }
  }
  return all
}

/** Opens the mels of inputs in order. A batch that is not `.npy` is read once, not once for each of its mels. */
export class MelOpener {
  readonly #choice: MelFileChoice
  readonly #bands: number
  #batch: { readonly path: string; readonly mels: readonly StoredMel[] } | null = null

  constructor(choice: MelFileChoice, bands: number) {
    this.#choice = choice
    this.#bands = bands
  }

  /** @throws DiffWaveError as `openMel` */
  async open({ path, ofBatch }: MelInput): Promise<StoredMel> {
    const { key, index } = this.#choice
    const bands = this.#bands
    if (ofBatch === undefined) return openMel(path, { bands, ...defined({ key, index }) })
    if (this.#batch?.path !== path) this.#batch = { path, mels: await openMels(path, { bands, ...defined({ key }) }) }
    const mel = this.#batch.mels[ofBatch]
    // The file has become another since its mels were counted.
    return mel ?? openMel(path, { bands, index: ofBatch, ...defined({ key }) })
  }
}
