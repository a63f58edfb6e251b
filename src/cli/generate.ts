/** `diffwave generate`: clips from noise alone, or from a label. */
import { join } from 'node:path'
import { checkWritable, kindOfPath, makeFolder } from '../files.js'
import { type GeneratedClip, Generator } from '../generator.js'
import {
  loadOptions,
  type ModelOptions,
  realNumber,
  type SamplingOptions,
  samplingOptions,
  wholeNumber,
  withModel,
  withSampling,
} from './arguments.js'
import type { AddCommand } from './command.js'
import { writeAudio } from './write-audio.js'

interface GenerateOptions extends ModelOptions, SamplingOptions {
  readonly output: string
  readonly count?: number
  readonly seconds?: number
  readonly label?: readonly string[]
  readonly guidance?: number
}

/** A label may hold what a file's name may not. */
function fileName({ label, seed }: GeneratedClip): string {
  return `${(label ?? 'clip').replace(/[^\p{L}\p{N} ._-]/gu, '_')}-${seed}.wav`
}

export const addGenerate: AddCommand = (program, run) => {
  withSampling(withModel(program.command('generate')))
    .description('clips from noise alone, or from a label')
    .requiredOption('-o, --output <path>', 'a .wav file, or a folder for several')
    .option('-n, --count <n>', 'how many clips; one a label where not given', wholeNumber)
    .option('--seconds <s>', 'length of a clip, in seconds', realNumber)
    .option('--label <names...>', 'what to make: classes the model was trained on, in turn')
    .option('--guidance <w>', 'classifier-free guidance: 0 none; more follows the label more closely', realNumber)
    .action(async (options: GenerateOptions) => {
      const { context } = run()
      const count = options.count ?? options.label?.length ?? 1
      const toFile =
        count === 1 && options.output.endsWith('.wav') && (await kindOfPath(options.output)) !== 'directory'
      if (toFile) await checkWritable(options.output)
      else await makeFolder(options.output)
      const generator = await Generator.load(options.model, loadOptions(options))
      try {
        const start = performance.now()
        const clips = await context.withProgress('generating', report =>
          generator.generate({
            ...samplingOptions(options),
            count,
            ...(options.seconds === undefined ? {} : { seconds: options.seconds }),
            ...(options.label === undefined ? {} : { labels: [...options.label] }),
            ...(options.guidance === undefined ? {} : { guidance: options.guidance }),
            signal: context.signal,
            onProgress: ({ done, total }) => report(total === null ? 0 : done / total),
          }),
        )
        const elapsed = (performance.now() - start) / 1000 / clips.length
        for (const synthesis of clips) {
          await writeAudio(context, generator.model, {
            output: toFile ? options.output : join(options.output, fileName(synthesis)),
            synthesis,
            elapsed,
            format: options.format,
            picture: options.picture ?? false,
            extra: { label: synthesis.label },
          })
        }
      } finally {
        await generator.dispose()
      }
    })
}
