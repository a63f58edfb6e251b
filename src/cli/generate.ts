/** `diffwave generate`: clips from noise alone, or from a label. */
import { join } from 'node:path'
import { DiffWaveError } from '../errors.js'
import { checkWritable, kindOfPath, makeFolder } from '../files.js'
import { Generator } from '../generator.js'
import { MAX_CLIPS } from '../limits.js'
import { drawSeed } from '../seed.js'
import {
  loadOptions,
  type ModelOptions,
  type OutputOptions,
  realNumber,
  type SamplingOptions,
  samplingOptions,
  wholeNumber,
  withModel,
  withOutput,
  withSampling,
} from './arguments.js'
import type { AddCommand } from './command.js'
import { checkStdout, chosenOutput, STDOUT } from './sink.js'
import { writeAudio } from './write-audio.js'

interface GenerateOptions extends ModelOptions, SamplingOptions, OutputOptions {
  readonly count: number
  readonly seconds?: number
  readonly label?: string
  readonly guidance?: number
}

export const addGenerate: AddCommand = (program, run) => {
  withOutput(withSampling(withModel(program.command('generate'))))
    .description('clips from noise alone, or from a label')
    .option('-n, --count <n>', 'how many clips', wholeNumber, 1)
    .option('--seconds <s>', 'length of a clip', realNumber)
    .option('--label <name>', 'a class the model was trained on')
    .option('--guidance <w>', 'classifier-free guidance', realNumber)
    .action(async (options: GenerateOptions) => {
      const { context } = run()
      const { count, label, seed = drawSeed() } = options
      const output = chosenOutput(options)
      if (count < 1 || count > MAX_CLIPS || !Number.isSafeInteger(seed + count)) {
        throw new DiffWaveError('BAD_OPTION', 'the number of clips is out of range', {
          expected: `1 … ${MAX_CLIPS}, and a seed that leaves room for them`,
          got: String(count),
          where: '--count',
        })
      }
      const toFile = count === 1 && output.endsWith('.wav') && (await kindOfPath(output)) !== 'directory'
      if (output === STDOUT) checkStdout(count, options)
      else if (toFile) await checkWritable(output)
      else await makeFolder(output)
      const generator = await Generator.load(options.model, loadOptions(options))
      try {
        // One clip after the other, each written while it is made: the memory is that of none.
        for (let i = 0; i < count; i++) {
          await writeAudio(context, generator.model, {
            output: output === STDOUT || toFile ? output : join(output, `${label ?? 'clip'}-${seed + i}.wav`),
            open: onProgress =>
              generator.stream({
                ...samplingOptions(options),
                seed: seed + i,
                ...(options.seconds === undefined ? {} : { seconds: options.seconds }),
                ...(label === undefined ? {} : { label }),
                ...(options.guidance === undefined ? {} : { guidance: options.guidance }),
                signal: context.signal,
                onProgress,
              }),
            format: options.format,
            picture: options.picture ?? false,
            extra: { label: label ?? null },
          })
        }
      } finally {
        await generator.dispose()
      }
    })
}
