/** `diffwave mel`: recordings or mels of another scale in, mel spectrograms out. */
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { convertMel } from '../../audio/mel/rescale.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError } from '../../core/errors.js'
import { endingOf } from '../../core/file-endings.js'
import { writeFileBytes } from '../../core/write-file.js'
import { wholeMel } from '../../formats/mel-stream.js'
import { encodeNpy } from '../../formats/npy.js'
import { encodeSafetensors } from '../../formats/safetensors.js'
import { weightsPath } from '../../model/folder.js'
import { readModel } from '../../model/read-model.js'
import { modelPath } from '../../model/shipped-models.js'
import type { command } from '../commands/mel.js'
import type { Context } from '../context.js'
import { eachInput } from '../inputs/each-input.js'
import { findInputs, type Input, mels, recordings } from '../inputs/inputs.js'
import { eachMel, type MelInput, MelOpener } from '../inputs/mel-inputs.js'
import { inNumbers, namedConvention } from '../inputs/mel-numbers.js'
import { noteConversion, readRecording } from '../inputs/read-recording.js'
import { fetchModel } from '../load.js'
import type { Values } from '../option-spec.js'
import { planOutputs } from '../outputs/outputs.js'
import { checkStdout, keepFolder, STDOUT, standardOutput, writeStdout } from '../outputs/sink.js'

/** Path of the model that `-m` names. */
async function localModel(context: Context, { model }: Values<typeof command.options>): Promise<string | undefined> {
  if (model === undefined) return undefined
  return modelPath(await fetchModel(context, model))
}

/** Files that options name, as sources of the results. */
function sourcesOf(
  { convention, melStats, from, fromStats }: Values<typeof command.options>,
  model: string | undefined,
): readonly { readonly name: string; readonly path: string }[] {
  return [convention, melStats, from, fromStats, model, model && weightsPath(model)].flatMap(path =>
    path === undefined ? [] : [{ name: path, path }],
  )
}

/** @param model path of the model whose convention to take, unless one is named */
async function chosenConvention(
  { convention, model: name }: Values<typeof command.options>,
  model: string | undefined,
): Promise<MelConvention> {
  if (convention !== undefined) return namedConvention(convention, '--convention')
  if (model === undefined) {
    throw new DiffWaveError('BAD_OPTION', 'no mel convention is named', {
      expected: '--convention or --model',
      hint: 'Use the convention of the model that will read the mel.',
    })
  }
  const { config } = await readModel(model)
  if (config.mel === null) {
    throw new DiffWaveError('BAD_OPTION', 'the model takes no mel', {
      expected: 'a vocoder',
      got: name ?? model,
      where: '--model',
    })
  }
  return config.mel
}

/** The convention of the mels to convert; null if the inputs are recordings. */
async function conventionFrom(
  { from, fromLog, fromStats }: Values<typeof command.options>,
  written: MelConvention,
): Promise<MelConvention | null> {
  if (from === undefined && fromLog === undefined && fromStats === undefined) return null
  const own = from === undefined ? written : await namedConvention(from, '--from')
  return inNumbers(own, fromLog, fromStats)
}

/** The mel of a recording. */
async function computed(context: Context, input: Input, convention: MelConvention): Promise<Mel> {
  const audio = await readRecording(context, input)
  const { sampleRate } = convention
  noteConversion(context, input.name, audio, sampleRate)
  return melSpectrogram(await resample(audio, sampleRate), convention)
}

/** A mel in another convention. */
async function converted(opener: MelOpener, input: MelInput, from: MelConvention, to: MelConvention): Promise<Mel> {
  return convertMel(await wholeMel(await opener.open(input)), from, to)
}

/** Writes a mel in the format of the file's ending; to pipes and devices as `.npy`. */
async function write(output: string, mel: Mel, signal: AbortSignal): Promise<void> {
  const tensor = { shape: [mel.bands, mel.frames], data: mel.data }
  const isSafetensors = endingOf(output) === '.safetensors'
  const bytes = isSafetensors ? encodeSafetensors(new Map([['mel', tensor]])) : encodeNpy(tensor)
  if (output === STDOUT) return writeStdout(bytes, signal)
  await keepFolder(output)
  await writeFileBytes(output, bytes)
}

export async function run(
  context: Context,
  words: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  const model = await localModel(context, options)
  const named = await chosenConvention(options, model)
  const convention = await inNumbers(named, options.melLog, options.melStats)
  const from = await conventionFrom(options, named)
  if (from === null && (options.key !== undefined || options.index !== undefined)) {
    throw new DiffWaveError('BAD_OPTION', '--key and --index are only for inputs that are mels', {
      expected: '--from, --from-log or --from-stats beside them',
    })
  }
  const files = await findInputs(words, from === null ? recordings : mels, context.signal)
  const inputs: readonly MelInput[] = from === null ? files : await eachMel(files, options, context.signal)
  if (standardOutput(options.output) === STDOUT) checkStdout(inputs.length)
  const jobs = await planOutputs(context, inputs, {
    output: options.output,
    endings: ['.npy', '.safetensors'],
    force: options.force,
    sources: sourcesOf(options, model),
  })
  const opener = from === null ? null : new MelOpener(options, from.bands)
  await eachInput(
    context,
    jobs,
    async ({ input, output }) => {
      const mel =
        from === null || opener === null
          ? await computed(context, input, convention)
          : await converted(opener, input, from, convention)
      await write(output, mel, context.signal)
      const { bands, frames } = mel
      context.result(
        `${output}: ${bands} bands × ${frames} frames, ${convention.name}`,
        { input: input.name, output, bands, frames, convention: convention.name },
        output === STDOUT,
      )
    },
    options.shard,
  )
}
