/** `diffwave train`: learns a model from folders of recordings. */
import { join } from 'node:path'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import type { DatasetReport } from '../../training/data/dataset.js'
import type { StepReport } from '../../training/trainer.js'
import { engineChoices } from '../choices.js'
import { defineCommand } from '../command.js'
import type { Context } from '../context.js'
import { noteThreads } from '../load.js'
import { choice, flag, real, requiredText, requiredTexts, text, whole } from '../options.js'

/** Files left out that are named one by one; the rest are counted. */
const NAMED_FILES = 10

function describe(context: Context, report: DatasetReport): void {
  const rates = [...report.rates].map(([rate, count]) => `${count} at ${rate} Hz`).join(', ')
  context.note(
    `${report.clips} clips, ${report.hours.toFixed(2)} h (${rates}); ${report.validationClips} kept for validation` +
      (report.givenMels === 0 ? '' : `; ${report.givenMels} with a mel of their own`),
  )
  for (const note of report.notes) context.note(note)
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

export const command = defineCommand({
  name: 'train',
  summary: 'A model trained on folders of recordings',
  group: 'Train and evaluate',
  arguments: [{ name: 'config', description: 'training config, a .json file' }],
  options: {
    data: requiredTexts('--data <dir...>', 'directories of recordings: WAV, FLAC, MP3 or Ogg'),
    mel: text('--mel <dir>', 'directory of predicted mels, one .npy per recording (default: computed)'),
    out: requiredText('--out <dir>', 'directory for checkpoint, log and model'),
    resume: flag('--resume', 'continuation of the run in --out from its checkpoint'),
    maxSteps: whole('--max-steps <n>', 'updates in all after which to stop'),
    maxHours: real('--max-hours <h>', 'hours after which to stop'),
    from: text('--from <model>', 'model whose weights to start from'),
    engine: choice('--engine <engine>', 'engine in place of the config’s', engineChoices),
    threads: whole('--threads <n>', 'threads of the native engine (default: all cores)'),
  },
  examples: ['diffwave train train.json --data recordings --out runs/voice'],
  run: async (context, [path], options) => {
    const [{ decodeAudio }, { modelPath }, { createEngine }, { readJson }, { readModel }] = await Promise.all([
      import('../../audio/codecs/decode.js'),
      import('../../denoiser/load-model.js'),
      import('../../engines/select.js'),
      import('../../model/folder.js'),
      import('../../model/read-model.js'),
    ])
    const [{ checkTrainingConfig }, { loadDataset }, { train }, { listen }] = await Promise.all([
      import('../../training/config.js'),
      import('../../training/data/dataset.js'),
      import('../../training/trainer.js'),
      import('../listen.js'),
    ])
    const config = checkTrainingConfig(await readJson(path!), path!)
    if (options.mel !== undefined && config.model.mel === null) {
      throw new DiffWaveError('BAD_OPTION', 'this config’s model takes no mel', { where: '--mel' })
    }
    noteThreads(context, options.threads)
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
          : { mels: { convention: config.model.mel, ...defined({ folder: options.mel }) } }),
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
        createEngine(model.network, weights, { engine: options.engine ?? config.engine, ...defined({ threads }) }),
      ...defined({ resume, maxSteps, maxHours, from }),
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
      onValidation: (step, loss) => {
        if (live) process.stderr.write('\r\u001b[K')
        context.note(`step ${step}: validation loss ${loss.toFixed(4)}`)
      },
    })
    if (live) process.stderr.write('\n')
    context.result(
      `${options.out}: ${summary.step} steps, ${(summary.seconds / 3600).toFixed(2)} h, stopped by ${summary.stoppedBy}`,
      summary,
    )
  },
})
