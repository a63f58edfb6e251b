/** `diffwave train`: learns a model from folders of recordings. */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'
import type { DatasetReport } from '../../training/data/dataset.js'
import type { TrainingStep, TrainingSummary } from '../../training/run/training-step.js'
import { engineChoices } from '../choices.js'
import { defineCommand } from '../command.js'
import type { Context } from '../context.js'
import { fetchModel, loadOptions, noteThreads } from '../load.js'
import { choice, flag, integer, number, requiredText, requiredTexts, text, threads } from '../options.js'
import { LiveLine } from '../progress-line.js'

/** Left-out files that are named; the rest are counted. */
const NAMED_FILES = 10
/** Milliseconds after which a note is due, however rarely the config logs. */
const NOTE_MS = 60_000

/** A time as text: seconds, minutes or hours. */
function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(0)} s`
  return seconds < 3600 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`
}

function ending(stoppedBy: TrainingSummary['stoppedBy'], finish = false): string {
  // The last line after a signal, “stopped”, is that of every command.
  if (stoppedBy === 'signal') return `saved for ${finish ? '--finish' : '--resume'}`
  return stoppedBy === 'total-steps' ? 'finished' : `stopped by --${stoppedBy}`
}

async function describe(context: Context, report: DatasetReport): Promise<void> {
  const rates = [...report.rates].map(([rate, count]) => `${count} at ${rate} Hz`).join(', ')
  context.note(
    `${report.clips} ${report.clips === 1 ? 'clip' : 'clips'}, ${duration(3600 * report.hours)} (${rates}); ` +
      `${report.validationClips} kept for validation` +
      (report.givenMels === 0 ? '' : `; ${report.givenMels} with a mel of their own`),
  )
  for (const note of report.notes) context.note(note)
  for (const { file, reason, detail } of report.leftOut.slice(0, NAMED_FILES)) {
    context.note(`left out: ${file}: ${reason} (${detail})`)
  }
  const more = report.leftOut.slice(NAMED_FILES)
  if (more.length === 0) return
  const { leftOutReasons } = await import('../../training/data/left-out-reasons.js')
  context.note(`left out: ${more.length} more (${leftOutReasons(more)})`)
}

function line({ step, totalSteps, loss, learningRate, samplesPerSecond, secondsLeft }: TrainingStep): string {
  return (
    `step ${step}/${totalSteps}  loss ${loss.toFixed(4)}  learning rate ${learningRate.toExponential(2)}  ` +
    `${Math.round(samplesPerSecond)} samples/s  ${duration(secondsLeft)} left`
  )
}

export const command = defineCommand({
  name: 'train',
  summary: 'Train a model on folders of recordings',
  guide: 'training',
  group: 'Train and evaluate',
  arguments: [{ name: 'config', description: 'training config: a .json file, or a shipped model whose config to use' }],
  options: {
    data: requiredTexts('--data <dir...>', 'folders of recordings: WAV, FLAC, MP3 or Ogg'),
    mel: text('--mel <dir>', 'folder of predicted mels, one .npy per recording (default: computed)'),
    out: requiredText('--out <dir>', 'folder for checkpoint, log and model'),
    resume: flag('--resume', 'continue the run in --out from its checkpoint'),
    finish: flag('--finish', 'continue the run in --out, lower its learning rate over decaySteps, and end it'),
    maxSteps: integer('--max-steps <n>', 'stop after this number of updates in total'),
    maxHours: number('--max-hours <h>', 'stop after this number of hours'),
    from: text('--from <model>', 'model whose weights to start from'),
    engine: choice('--engine <engine>', 'engine to use instead of the config’s', engineChoices),
    threads,
  },
  examples: [
    'diffwave train train.json --data recordings --out runs/voice',
    'diffwave train speech --data recordings --out runs/voice',
  ],
  run: async (context, [path], options) => {
    const [{ trainingConfigPath }, { readJson }, { Trainer }, { checkTrainingConfig }] = await Promise.all([
      import('../../model/shipped-models.js'),
      import('../../model/folder.js'),
      import('../../trainer.js'),
      import('../../training/config.js'),
    ])
    // Checked here so that errors name the file.
    const file = await trainingConfigPath(path!)
    const config = checkTrainingConfig(await readJson(file), file)
    const { mel: mels, data, from: start, engine, threads, ...others } = options
    const running = loadOptions({ engine, threads })
    noteThreads(context, running.threads)
    const from = start === undefined ? undefined : await fetchModel(context, start)
    const trainer = new Trainer({ ...others, ...running, config, data, mels, from })
    const { signal } = context
    const { report } = await context.withProgress('reading', onProgress => trainer.load({ signal, onProgress }))
    await describe(context, report)
    const live = process.stderr.isTTY && !context.quiet && !context.json ? new LiveLine() : null
    let shown = Number.NEGATIVE_INFINITY
    try {
      for await (const update of trainer.run({ signal })) {
        if (live !== null) live.show(line(update))
        else if (update.step % config.every.log === 0 || performance.now() - shown > NOTE_MS) {
          shown = performance.now()
          context.note(line(update))
        }
        if (update.validationLoss === null) continue
        live?.clear()
        context.note(`step ${update.step}: validation loss ${update.validationLoss.toFixed(4)}`)
      }
    } finally {
      // Otherwise an error would begin in the middle of the line.
      live?.end()
    }
    const summary = trainer.summary!
    const how = ending(summary.stoppedBy, options.finish)
    context.result(`${options.out}: ${summary.step} updates in ${duration(summary.seconds)}, ${how}`, summary)
    // The run is saved; the exit status tells that a signal ended it. If the result could not be printed, that is heard
    // first.
    await setImmediate()
    throwIfAborted(signal)
  },
})
