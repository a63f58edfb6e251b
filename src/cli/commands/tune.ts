/** `diffwave tune`: the best noise schedules of a vocoder for few steps, written into its config. */
import { Option } from 'commander'
import { readAudio } from '../../audio/codecs/decode.js'
import type { Audio } from '../../audio/codecs/wav.js'
import { DiffWaveError } from '../../core/errors.js'
import { checkWritable, kindOfPath } from '../../core/files.js'
import { loadModel, modelPath } from '../../denoiser/load-model.js'
import { samplerNames } from '../../model/diffusion-config.js'
import { configPath, writeModelConfig } from '../../model/folder.js'
import { type TunedSchedule, tune, withTunedSchedules } from '../../tuning/tune.js'
import {
  loadOptions,
  type ModelOptions,
  realNumber,
  type SamplingOptions,
  wholeNumber,
  withModel,
} from '../arguments.js'
import type { AddCommand } from '../command.js'

interface TuneCommandOptions extends ModelOptions, Pick<SamplingOptions, 'sampler' | 'seed'> {
  readonly steps: readonly number[]
  readonly evaluations?: number
  readonly seconds?: number
  readonly dryRun?: boolean
}

function stepCounts(text: string, before: readonly number[] | undefined): readonly number[] {
  return [...(before ?? []), wholeNumber(text)]
}

function line({ steps, sampler, distance, before, derived, better, evaluations }: TunedSchedule): string {
  return (
    `${steps} steps: ${sampler}, distance ${distance.toFixed(4)} (so far ${before.toFixed(4)}, evenly spaced ${derived.toFixed(4)}), ` +
    `${evaluations} schedules tried, ${better ? 'kept' : 'not better, left out'}`
  )
}

export const addTune: AddCommand = (program, run) => {
  withModel(program.command('tune <recording...>'))
    .description('search a vocoder’s best noise schedules on some recordings and write them into its config')
    .requiredOption('--steps <n...>', 'numbers of steps to tune for', stepCounts)
    .addOption(new Option('--sampler <sampler>', 'not given: the one that does best').choices([...samplerNames]))
    .option('--evaluations <n>', 'most schedules to try for each number of steps; default 60', wholeNumber)
    .option('--seconds <s>', 'seconds used of each recording; default 2', realNumber)
    .option('--seed <n>', 'of the noise; default 1', wholeNumber)
    .option('--dry-run', 'say what was found and write nothing')
    .action(async (recordings: string[], options: TuneCommandOptions) => {
      const { context } = run()
      const folder = await modelPath(options.model)
      if (!options.dryRun) {
        if ((await kindOfPath(configPath(folder))) !== 'file') {
          throw new DiffWaveError('BAD_OPTION', 'schedules are written into a model folder', {
            got: options.model,
            hint: '`diffwave convert` makes one from a checkpoint; --dry-run writes nothing.',
          })
        }
        await checkWritable(configPath(folder))
      }
      const audio: Audio[] = []
      for (const path of recordings) audio.push(await readAudio(path))
      const model = await loadModel(options.model, loadOptions(options))
      try {
        const { sampler, evaluations, seconds, seed } = options
        let { config } = model
        for (const steps of options.steps) {
          const found = await context.withProgress(`${steps} steps`, onProgress =>
            tune(model, audio, {
              steps,
              ...(sampler === undefined ? {} : { sampler }),
              ...(evaluations === undefined ? {} : { evaluations }),
              ...(seconds === undefined ? {} : { seconds }),
              ...(seed === undefined ? {} : { seed }),
              signal: context.signal,
              onProgress,
            }),
          )
          // Written as it is found: stopped later, what is done is not lost.
          config = withTunedSchedules(config, [found])
          if (!options.dryRun && found.better) await writeModelConfig(folder, config)
          context.result(line(found), found)
        }
      } finally {
        await model.dispose()
      }
    })
}
