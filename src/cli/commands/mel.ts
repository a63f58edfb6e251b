/** `diffwave mel`: recordings in, mel spectrograms out. */
import { Option } from 'commander'
import { readWav } from '../../audio/codecs/wav.js'
import { type MelConvention, namedConventions } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError } from '../../core/errors.js'
import { modelPath } from '../../denoiser/load-model.js'
import { writeMel } from '../../formats/mel-file.js'
import { readModel } from '../../model/read-model.js'
import type { AddCommand } from '../command.js'
import { eachInput } from '../each-input.js'
import { planOutputs } from '../outputs.js'

interface MelOptions {
  readonly output: string
  readonly convention?: keyof typeof namedConventions
  readonly model?: string
}

async function conventionOf({ convention, model }: MelOptions): Promise<MelConvention> {
  if (convention !== undefined) return namedConventions[convention]
  if (model === undefined) {
    throw new DiffWaveError('BAD_OPTION', 'a mel needs a convention', {
      expected: '--convention or --model',
      hint: 'The convention must be the one of the model that will read the mel.',
    })
  }
  const { config } = await readModel(await modelPath(model))
  if (config.mel === null) throw new DiffWaveError('BAD_OPTION', 'this model takes no mel', { got: model })
  return config.mel
}

export const addMel: AddCommand = (program, run) => {
  program
    .command('mel <wav...>')
    .description('recordings → mel spectrograms (.npy)')
    .requiredOption('-o, --output <path>', 'a .npy or .safetensors file, or a folder for several')
    .addOption(
      new Option('--convention <name>', 'a named mel convention')
        .choices(Object.keys(namedConventions))
        .conflicts('model'),
    )
    .option('-m, --model <model>', 'the convention of this model')
    .action(async (wavs: string[], options: MelOptions) => {
      const { context, debug } = run()
      const convention = await conventionOf(options)
      const jobs = await planOutputs(wavs, options.output, ['.npy', '.safetensors'])
      await eachInput(context, jobs, debug, async ({ input, output }) => {
        const audio = await readWav(input)
        const { sampleRate } = convention
        if (audio.sampleRate !== sampleRate) {
          context.note(`${input} was resampled from ${audio.sampleRate} to ${sampleRate} Hz`)
        }
        const samples = await resample(audio.samples, audio.sampleRate, sampleRate)
        const mel = melSpectrogram({ samples, sampleRate }, convention)
        await writeMel(output, mel)
        context.result(`${output}: ${mel.bands} bands × ${mel.frames} frames, ${convention.name}`, {
          input,
          output,
          bands: mel.bands,
          frames: mel.frames,
          convention: convention.name,
        })
      })
    })
}
