/** What `inpaint`, `denoise` and `interpolate` share: a model, recordings in, one WAV each. */

import type { OnProgress } from '../core/progress.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import type { Synthesis } from '../synthesis/options.js'
import type { ModelOptions, OutputOptions, SamplingOptions } from './arguments.js'
import type { Run } from './command.js'
import { eachInput } from './each-input.js'
import { planOutputs } from './outputs.js'
import { checkStdout, chosenOutput, STDOUT } from './sink.js'
import { streamOf, writeAudio } from './write-audio.js'

export interface RepairOptions extends ModelOptions, SamplingOptions, OutputOptions {
  readonly label?: string
}

/** What every repair is given besides its own options. */
export interface RepairRun {
  readonly seed?: number
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
}

export interface Repairer {
  readonly model: Denoiser
  readonly repair: (input: string, more: RepairRun) => Promise<Synthesis>
}

/** @param load called once the output is known to be writable */
export async function repairFiles(
  { context, debug }: Run,
  inputs: readonly string[],
  options: RepairOptions,
  load: () => Promise<Repairer>,
): Promise<void> {
  const output = chosenOutput(options)
  if (output === STDOUT) checkStdout(inputs.length, options)
  const jobs =
    output === STDOUT ? inputs.map(input => ({ input, output })) : await planOutputs(inputs, output, ['.wav'])
  const { model, repair } = await load()
  const { seed, format, picture = false } = options
  try {
    await eachInput(context, jobs, debug, async ({ input, output }, index) => {
      let facts: Readonly<Record<string, unknown>> = {}
      await writeAudio(context, model, {
        input,
        output,
        open: async onProgress => {
          const seeded = seed === undefined ? {} : { seed: seed + index }
          const made = await repair(input, { ...seeded, signal: context.signal, onProgress })
          const { samples: _, ...rest } = made
          facts = rest
          return streamOf(made)
        },
        format,
        picture,
        extra: () => facts,
      })
    })
  } finally {
    await model.dispose()
  }
}
