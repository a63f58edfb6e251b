/** `diffwave tune`: the best noise schedules of a vocoder for few steps, written into its config. */
import { realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { Audio } from '../../audio/audio.js'
import type { MelConvention } from '../../audio/mel/convention.js'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { checkFolder } from '../../core/make-folder.js'
import { packageRoot } from '../../core/package.js'
import { kindOfPath } from '../../core/path-kind.js'
import { checkWritable } from '../../core/write-file.js'
import { checkNewModelFolder, configPath, writeModelConfig, writeModelFolder } from '../../model/folder.js'
import { readModel } from '../../model/read-model.js'
import { isRemote } from '../../model/remote/address.js'
import { modelPath } from '../../model/shipped-models.js'
import { refuseUnusable } from '../../tuning/examples.js'
import { type TunedSchedule, tune } from '../../tuning/tune.js'
import { withTunedSchedules } from '../../tuning/tuned-config.js'
import type { command } from '../commands/tune.js'
import type { Context } from '../context.js'
import { SomeFailed } from '../exit.js'
import { eachInput } from '../inputs/each-input.js'
import { findInputs, type Input, recordings } from '../inputs/inputs.js'
import { readRecording } from '../inputs/read-recording.js'
import { fetchModel, modelName, openModel } from '../load.js'
import type { Values } from '../option-spec.js'
import { DEFAULT_VOCODER } from '../options.js'
import { mayReplaceModel } from '../outputs/outputs.js'
import { stepCount } from '../text.js'

/** Whether a model lies in this package, where an update would lose what is written. */
async function isShipped(folder: string): Promise<boolean> {
  const root = packageRoot()
  if (root === null) return false
  const models = join(root, 'models')
  const [own, shipped] = await Promise.all([folder, models].map(path => realpath(path).catch(() => path)))
  return own!.startsWith(`${shipped}${sep}`)
}

function notChanged(what: string, model: string): DiffWaveError {
  return new DiffWaveError('BAD_OPTION', `${what} cannot be changed`, {
    got: model,
    hint: 'Name a folder for a tuned copy with -o, or use --dry-run.',
  })
}

/** Where the schedules go; refused before any work if they cannot go there. */
async function targetFolder(
  context: Context,
  model: string,
  source: string,
  { output, force }: Values<typeof command.options>,
): Promise<string> {
  if (output !== undefined) {
    if (!(await mayReplaceModel(context, output, force))) await checkNewModelFolder(output)
    if (await isShipped(output)) throw notChanged('a shipped model', output)
    await checkFolder(output)
    return output
  }
  if (await isShipped(source)) throw notChanged('a shipped model', model)
  if ((await kindOfPath(configPath(source))) !== 'file') {
    throw new DiffWaveError('BAD_OPTION', 'schedules are written into a model folder, not into a checkpoint', {
      got: model,
      hint: 'Name a folder with -o, make one with `diffwave convert`, or use --dry-run.',
    })
  }
  await checkWritable(configPath(source))
  return source
}

function line({ steps, sampler, distance, before, derived, better, evaluations }: TunedSchedule): string {
  return (
    `${stepCount(steps)}: ${sampler}, distance ${distance.toFixed(4)} (current ${before.toFixed(4)}, ` +
    `evenly spaced ${derived.toFixed(4)}), ${evaluations} schedules tried, ${better ? 'kept' : 'not better, discarded'}`
  )
}

/** Reads the recordings. Those that cannot be used are reported, and the others are returned, if there are any. */
async function readRecordings(context: Context, inputs: readonly Input[], convention: MelConvention | null) {
  const audio: Audio[] = []
  try {
    await eachInput(context, inputs, async input => {
      const recording = await readRecording(context, input)
      if (convention !== null) refuseUnusable(recording, convention, input.name)
      audio.push(recording)
    })
  } catch (error) {
    if (!(error instanceof SomeFailed) || audio.length === 0) throw error
    return { audio, failed: error }
  }
  return { audio, failed: null }
}

export async function run(
  context: Context,
  words: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  const name = modelName(options, DEFAULT_VOCODER)
  // A model by address would only be changed in the cache.
  if (options.output === undefined && !options.dryRun && isRemote(name)) throw notChanged('a model by address', name)
  const source = await modelPath(await fetchModel(context, name))
  const target = options.dryRun ? null : await targetFolder(context, name, source, options)
  const inputs = await findInputs(words, recordings, context.signal)
  const model = await openModel(context, options, DEFAULT_VOCODER)
  let failed: SomeFailed | null
  try {
    const { sampler, evaluations, seconds, seed } = options
    let { config } = model
    const read = await readRecordings(context, inputs, config.mel)
    const { audio } = read
    failed = read.failed
    // A copy appears with its first schedules: a search that fails or is stopped before leaves nothing behind.
    let copied = target === null || target === source
    for (const steps of options.steps) {
      const found = await context.withProgress(stepCount(steps), onProgress =>
        tune(model, audio, {
          steps,
          ...defined({ sampler, evaluations, seconds, seed }),
          signal: context.signal,
          onProgress,
        }),
      )
      // Written as it is found: stopped later, what is done is not lost.
      config = withTunedSchedules(config, [found])
      if (!copied) await writeModelFolder(target!, { config, parameters: (await readModel(source)).parameters })
      else if (target !== null && found.better) await writeModelConfig(target, config)
      copied = true
      context.result(line(found), found)
    }
  } finally {
    await model.dispose()
  }
  if (failed !== null) throw failed
}
