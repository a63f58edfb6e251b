/** `diffwave train`: learns a model from folders of recordings. */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'
import { readJson } from '../../model/folder.js'
import { trainingConfigPath } from '../../model/shipped-models.js'
import { Trainer } from '../../trainer.js'
import { checkTrainingConfig } from '../../training/config.js'
import type { DatasetReport } from '../../training/data/dataset.js'
import { leftOutReasons } from '../../training/data/left-out-reasons.js'
import type { TrainingStep, TrainingSummary } from '../../training/run/training-step.js'
import type { command } from '../commands/train.js'
import type { Context } from '../context.js'
import { fetchModel, loadOptions, noteThreads } from '../load.js'
import type { Values } from '../option-spec.js'
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
  context.note(`left out: ${more.length} more (${leftOutReasons(more)})`)
}

function line({ step, totalSteps, loss, learningRate, samplesPerSecond, secondsLeft }: TrainingStep): string {
  return (
    `step ${step}/${totalSteps}  loss ${loss.toFixed(4)}  learning rate ${learningRate.toExponential(2)}  ` +
    `${Math.round(samplesPerSecond)} samples/s  ${duration(secondsLeft)} left`
  )
}

export async function run(
  context: Context,
  [path]: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  // Checked here so that errors name the file.
  const file = await trainingConfigPath(path!, { fineTune: options.from !== undefined })
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
}
