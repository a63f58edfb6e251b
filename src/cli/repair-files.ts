/** What `inpaint`, `denoise` and `interpolate` share: a model turns each recording into a WAV. */
import { defined } from '../core/defined.js'
import type { OnProgress } from '../core/progress.js'
import { checkSeedRange } from '../core/seed.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import type { Synthesis } from '../synthesis/result.js'
import type { Context } from './context.js'
import { eachInput } from './inputs/each-input.js'
import type { Input } from './inputs/inputs.js'
import type { Shard } from './inputs/shard.js'
import { noteSteps, openModel } from './load.js'
import type { ModelOptions, OutputOptions, SamplingFlags } from './options.js'
import { planOutputs } from './outputs/outputs.js'
import { checkStdout, chosenOutput, STDOUT } from './outputs/sink.js'
import { picturePath, streamOf, writeAudio } from './outputs/write-audio.js'

export interface RepairOptions extends ModelOptions, SamplingFlags, OutputOptions {
  readonly shard?: Shard | undefined
}

/** What every repair receives besides its own options. */
export interface RepairRun {
  readonly seed?: number
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
}

/** Repairs an input that was read. */
type Repair = (run: RepairRun) => Promise<Synthesis>

/** Reads one input. Its time is not counted as that of the repair. */
export type Prepare = (input: Input) => Promise<Repair>

export interface RepairPlan {
  readonly inputs: readonly Input[]
  /** Further recordings that the repair reads. */
  readonly sources?: readonly Input[]
  /** The model that runs if none is named. */
  readonly fallback: string
  /** Makes ready for repairs by a model; called once the output is known to be writable. */
  readonly preparer: (model: Denoiser) => Prepare
}

export async function repairFiles(context: Context, options: RepairOptions, plan: RepairPlan): Promise<void> {
  const output = chosenOutput(options)
  const { inputs } = plan
  const { seed, format, picture } = options
  if (output === STDOUT) checkStdout(inputs.length, options)
  checkSeedRange(seed ?? 0, inputs.length)
  const jobs = await planOutputs(context, inputs, {
    output,
    endings: ['.wav'],
    force: options.force,
    ...defined({ sources: plan.sources }),
    beside: path => (picture ? [picturePath(path)] : []),
  })
  const model = await openModel(context, options, plan.fallback)
  try {
    const prepare = plan.preparer(model)
    noteSteps(context, model, options.steps)
    await eachInput(
      context,
      jobs,
      async ({ input, output }, index) => {
        const repair = await prepare(input)
        let facts: Readonly<Record<string, unknown>> = {}
        await writeAudio(context, model, {
          input: input.name,
          output,
          open: async onProgress => {
            const seeded = seed === undefined ? {} : { seed: seed + index }
            const made = await repair({ ...seeded, signal: context.signal, onProgress })
            const { samples: _, ...rest } = made
            facts = rest
            return streamOf(made)
          },
          format,
          picture,
          extra: () => facts,
        })
      },
      options.shard,
    )
  } finally {
    await model.dispose()
  }
}
