/** `diffwave train`: learns a model from folders of recordings. */

import { join } from 'node:path'
import { Option } from 'commander'
import { decodeAudio } from '../../audio/codecs/decode.js'
import { DiffWaveError } from '../../core/errors.js'
import { modelPath } from '../../denoiser/load-model.js'
import { createEngine, engineNames } from '../../engines/select.js'
import { readJson } from '../../model/folder.js'
import { readModel } from '../../model/read-model.js'
import { checkTrainingConfig } from '../../training/config.js'
import { type DatasetReport, loadDataset } from '../../training/data/dataset.js'
import { type StepReport, train } from '../../training/trainer.js'
import { realNumber, wholeNumber } from '../arguments.js'
import type { AddCommand } from '../command.js'
import type { Context } from '../context.js'
import { listen } from '../listen.js'

interface TrainCommandOptions {
  readonly data: readonly string[]
  readonly out: string
  readonly resume?: boolean
  readonly mel?: string
  readonly maxSteps?: number
  readonly maxHours?: number
  readonly from?: string
  readonly engine?: (typeof engineNames)[number]
  readonly threads?: number
}

/** Files left out that are named one by one; the rest are counted. */
const NAMED_FILES = 10

function describe(context: Context, report: DatasetReport): void {
  const rates = [...report.rates].map(([rate, count]) => `${count} at ${rate} Hz`).join(', ')
  context.note(
    `${report.clips} clips, ${report.hours.toFixed(2)} h (${rates}); ${report.validationClips} kept for validation` +
      (report.givenMels === 0 ? '' : `; ${report.givenMels} with a mel of their own`),
  )
  for (const { file, reason, detail } of report.leftOut.slice(0, NAMED_FILES)) {
    context.note(`left out: ${file}: ${reason} (${detail})`)
  }
  if (report.leftOut.length > NAMED_FILES) context.note(`left out: ${report.leftOut.length - NAMED_FILES} more`)
}

function line({ step, totalSteps, loss, learningRate, samplesPerSecond, secondsLeft }: StepReport): string {
  const hours = (secondsLeft / 3600).toFixed(1)
  return (
    `step ${step}/${totalSteps}  loss ${loss.toFixed(4)}  rate ${learningRate.toExponential(2)}  ` +
    `${Math.round(samplesPerSecond)} samples/s  ${hours} h left`
  )
}

export const addTrain: AddCommand = (program, run) => {
  program
    .command('train')
    .description('learn a model from folders of recordings')
    .argument('<config>', 'the training config, a .json file')
    .requiredOption('--data <dir...>', 'folders of WAV, FLAC, MP3 or Ogg')
    .option(
      '--mel <dir>',
      'folder of mels to train from, in place of the recordings’ own: a .npy of the same name each',
    )
    .requiredOption('--out <dir>', 'folder for checkpoint, log and model')
    .option('--resume', 'go on from the checkpoint in --out')
    .option('--max-steps <n>', 'stop after so many updates in all', wholeNumber)
    .option('--max-hours <h>', 'stop after so many hours', realNumber)
    .option('--from <model>', 'start from a model’s weights')
    .addOption(new Option('--engine <engine>', 'in place of the config’s').choices([...engineNames]))
    .option('--threads <n>', 'threads of the native engine', wholeNumber)
    .action(async (path: string, options: TrainCommandOptions) => {
      const { context } = run()
      const config = checkTrainingConfig(await readJson(path), path)
      if (options.mel !== undefined && config.model.mel === null) {
        throw new DiffWaveError('BAD_OPTION', 'this config’s model takes no mel', { where: '--mel' })
      }
      const from = options.from === undefined ? undefined : await readModel(await modelPath(options.from))
      const data = await context.withProgress('reading', onProgress =>
        loadDataset({
          folders: options.data,
          sampleRate: config.model.sampleRate,
          // A generator's clips may be shorter than a crop: silence follows them.
          minSamples: config.model.kind === 'vocoder' ? config.data.cropSamples : 256,
          validationShare: config.data.validationShare,
          speeds: config.data.speeds,
          ...(config.model.mel === null
            ? {}
            : {
                mels: { convention: config.model.mel, ...(options.mel === undefined ? {} : { folder: options.mel }) },
              }),
          decode: decodeAudio,
          cache: join(options.out, 'cache'),
          signal: context.signal,
          onProgress,
        }),
      )
      describe(context, data.report)
      const { resume, maxSteps, maxHours, threads } = options
      const live = process.stderr.isTTY && !context.quiet && !context.json
      let shown = Number.NEGATIVE_INFINITY
      const summary = await train({
        config,
        data,
        out: options.out,
        createEngine: (model, weights) =>
          createEngine(model.network, weights, {
            engine: options.engine ?? config.engine,
            ...(threads === undefined ? {} : { threads }),
          }),
        ...(resume === undefined ? {} : { resume }),
        ...(maxSteps === undefined ? {} : { maxSteps }),
        ...(maxHours === undefined ? {} : { maxHours }),
        ...(from === undefined ? {} : { from }),
        signal: context.signal,
        clock: () => performance.now() / 1000,
        events: { now: () => Date.now() / 1000, listen },
        onStep: report => {
          if (live) process.stderr.write(`\r${line(report)}\u001b[K`)
          else if (report.step % config.every.log === 0 || performance.now() - shown > 60_000) {
            shown = performance.now()
            context.note(line(report))
          }
        },
        onValidation: (step, loss) =>
          context.note(`${live ? '\r\u001b[K' : ''}step ${step}: validation loss ${loss.toFixed(4)}`),
      })
      if (live) process.stderr.write('\n')
      context.result(
        `${options.out}: ${summary.step} steps, ${(summary.seconds / 3600).toFixed(2)} h, stopped by ${summary.stoppedBy}`,
        summary,
      )
    })
}
