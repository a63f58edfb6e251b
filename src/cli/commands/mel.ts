/** `diffwave mel`: recordings in, mel spectrograms out. */
import { extname } from 'node:path'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { DiffWaveError } from '../../core/errors.js'
import { writeFileBytes } from '../../core/files.js'
import { conventionChoices } from '../choices.js'
import { defineCommand, type Values } from '../command.js'
import { eachInput } from '../each-input.js'
import { findInputs, recordings } from '../inputs.js'
import { choice, force, requiredText, text } from '../options.js'
import { planOutputs } from '../outputs.js'
import { noteResampling, readRecording } from '../read-recording.js'
import { shard } from '../shard.js'
import { checkStdout, STDOUT, standardOutput, writeStdout } from '../sink.js'

const options = {
  output: requiredText(
    '-o, --output <path>',
    'a .npy or .safetensors file, a folder for several, or - for standard output',
  ),
  convention: choice('--convention <name>', 'mel convention', conventionChoices, { conflicts: 'model' }),
  model: text('-m, --model <model>', 'model whose mel convention to use'),
  shard,
  force,
}

async function conventionOf({ convention, model }: Values<typeof options>): Promise<MelConvention> {
  const { namedConventions } = await import('../../audio/mel/convention.js')
  if (convention !== undefined) return namedConventions[convention]
  if (model === undefined) {
    throw new DiffWaveError('BAD_OPTION', 'no mel convention is named', {
      expected: '--convention or --model',
      hint: 'Take the convention of the model that will read the mel.',
    })
  }
  const [{ modelPath }, { readModel }] = await Promise.all([
    import('../../denoiser/shipped-models.js'),
    import('../../model/read-model.js'),
  ])
  const { config } = await readModel(await modelPath(model))
  if (config.mel === null) throw new DiffWaveError('BAD_OPTION', 'the model takes no mel', { got: model })
  return config.mel
}

/** Writes a mel in the format of the file's ending; to pipes and devices as `.npy`. */
async function write(output: string, mel: Mel): Promise<void> {
  const [{ encodeNpy }, { encodeSafetensors }] = await Promise.all([
    import('../../formats/npy.js'),
    import('../../formats/safetensors.js'),
  ])
  const tensor = { shape: [mel.bands, mel.frames], data: mel.data }
  const isSafetensors = extname(output).toLowerCase() === '.safetensors'
  const bytes = isSafetensors ? encodeSafetensors(new Map([['mel', tensor]])) : encodeNpy(tensor)
  await (output === STDOUT ? writeStdout(bytes) : writeFileBytes(output, bytes))
}

export const command = defineCommand({
  name: 'mel',
  summary: 'Mel spectrograms of recordings',
  group: 'Mels and models',
  arguments: [
    { name: 'recording', description: 'recordings, folders of them, or - for standard input', variadic: true },
  ],
  options,
  examples: ['diffwave mel recording.wav -o recording.npy --model speech'],
  run: async (context, words, options) => {
    const [{ melSpectrogram }, { resample }] = await Promise.all([
      import('../../audio/mel/mel.js'),
      import('../../audio/resample.js'),
    ])
    const convention = await conventionOf(options)
    const inputs = await findInputs(words, recordings, context.signal)
    if (standardOutput(options.output) === STDOUT) checkStdout(inputs.length)
    const jobs = await planOutputs(context, inputs, {
      output: options.output,
      endings: ['.npy', '.safetensors'],
      force: options.force,
    })
    await eachInput(
      context,
      jobs,
      async ({ input, output }) => {
        const audio = await readRecording(context, input)
        const { sampleRate } = convention
        noteResampling(context, input.name, audio, sampleRate)
        const samples = await resample(audio.samples, audio.sampleRate, sampleRate)
        const mel = melSpectrogram({ samples, sampleRate }, convention)
        await write(output, mel)
        const { bands, frames } = mel
        context.result(
          `${output}: ${bands} bands × ${frames} frames, ${convention.name}`,
          { input: input.name, output, bands, frames, convention: convention.name },
          output === STDOUT,
        )
      },
      options.shard,
    )
  },
})
