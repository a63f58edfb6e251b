/** What `synthesize` and `resynthesize` share: a vocoder turns files into WAVs, or into one pipe, with a line each. */
import { defined } from '../core/defined.js'
import { checkSeedRange } from '../core/seed.js'
import type { AudioStream } from '../synthesis/result.js'
import { type StreamOptions, Vocoder } from '../vocoder.js'
import type { Context } from './context.js'
import { eachInput } from './inputs/each-input.js'
import { findInputs, type Input, type InputKind } from './inputs/inputs.js'
import { noteSteps, openModel } from './load.js'
import type { Values } from './option-spec.js'
import { DEFAULT_VOCODER, sampling, type vocodeOptions } from './options.js'
import { planOutputs } from './outputs/outputs.js'
import { checkStdout, chosenOutput, STDOUT } from './outputs/sink.js'
import { picturePath, writeAudio } from './outputs/write-audio.js'

/**
 * Samples per chunk when writing to a file: a third of a second at 22,050 Hz, some tenths faster than a stream's.
 */
const FILE_CHUNK = 8192

/** One input, read and checked, ready to be vocoded. */
export interface Prepared {
  readonly stream: (options: StreamOptions) => AudioStream
  /** More fields for its line of JSON. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** What a command vocodes. */
export interface VocodeInputs<T extends Input> {
  readonly kind: InputKind
  /** All that the files hold. */
  readonly expand: (files: readonly Input[]) => Promise<readonly T[]>
}

/** @param prepare reads one input; its time is not counted as synthesis */
export async function vocodeFiles<T extends Input>(
  context: Context,
  words: readonly string[],
  { kind, expand }: VocodeInputs<T>,
  options: Values<typeof vocodeOptions>,
  prepare: (vocoder: Vocoder, input: T) => Promise<Prepared>,
): Promise<void> {
  const { format, picture } = options
  const output = chosenOutput(options)
  if (output === STDOUT) checkStdout(words.length, options)
  const inputs = await expand(await findInputs(words, kind, context.signal))
  if (output === STDOUT) checkStdout(inputs.length)
  checkSeedRange(options.seed ?? 0, inputs.length)
  const jobs = await planOutputs(context, inputs, {
    output,
    endings: ['.wav'],
    force: options.force,
    beside: path => (picture ? [picturePath(path)] : []),
  })
  const model = await openModel(context, options, DEFAULT_VOCODER)
  try {
    const vocoder = new Vocoder(model)
    noteSteps(context, model, options.steps)
    const atOnce = output === STDOUT ? undefined : Math.max(1, Math.round(FILE_CHUNK / vocoder.config.mel.hop))
    const { seed, ...choice } = sampling(options)
    const chosen = { ...choice, ...defined({ refine: options.refine, label: options.label }) }
    await eachInput(
      context,
      jobs,
      async ({ input, output }, index) => {
        const { stream, extra } = await prepare(vocoder, input)
        await writeAudio(context, model, {
          input: input.name,
          output,
          open: onProgress =>
            stream({
              ...chosen,
              // Clip i has the seed plus i, as in the library's batches.
              ...defined({ seed: seed === undefined ? undefined : seed + index }),
              ...defined({ chunkFrames: options.chunkFrames ?? atOnce }),
              signal: context.signal,
              onProgress,
            }),
          format,
          picture,
          extra: () => extra ?? {},
        })
      },
      options.shard,
    )
  } finally {
    await model.dispose()
  }
}
