/** `diffwave generate`: clips from noise alone, or from a label. */
import { join } from 'node:path'
import { DiffWaveError } from '../../core/errors.js'
import { checkWritable, kindOfPath, makeFolder } from '../../core/files.js'
import { MAX_CLIPS } from '../../core/limits.js'
import { drawSeed } from '../../core/seed.js'
import { CLIPS_AT_ONCE, Generator } from '../../generator.js'
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
} from '../arguments.js'
import type { AddCommand } from '../command.js'
import { checkStdout, chosenOutput, STDOUT } from '../sink.js'
import { streamOf, writeAudio } from '../write-audio.js'

interface GenerateOptions extends ModelOptions, SamplingOptions, OutputOptions {
  readonly count?: number
  readonly seconds?: number
  readonly label?: readonly string[]
  readonly guidance?: number
}

/** A label may hold what a file's name may not. */
function fileName(label: string | null, seed: number): string {
  return `${(label ?? 'clip').replace(/[^\p{L}\p{N} ._-]/gu, '_')}-${seed}.wav`
}

export const addGenerate: AddCommand = (program, run) => {
  withOutput(withSampling(withModel(program.command('generate'))))
    .description('clips from noise alone, or from a label')
    .option('-n, --count <n>', 'how many clips; one a label where not given', wholeNumber)
    .option('--seconds <s>', 'length of a clip, in seconds', realNumber)
    .option('--label <names...>', 'what to make: classes the model was trained on, in turn')
    .option('--guidance <w>', 'classifier-free guidance: 0 none; more follows the label more closely', realNumber)
    .action(async (options: GenerateOptions) => {
      const { context } = run()
      const { label: labels = [null], seed = drawSeed() } = options
      const count = options.count ?? labels.length
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
      const shared = {
        ...samplingOptions(options),
        ...(options.seconds === undefined ? {} : { seconds: options.seconds }),
        ...(options.guidance === undefined ? {} : { guidance: options.guidance }),
        signal: context.signal,
      }
      const pathOf = (label: string | null, clipSeed: number) =>
        output === STDOUT || toFile ? output : join(output, fileName(label, clipSeed))
      try {
        // A group of clips goes through the network together; one alone is written while it is made.
        for (let first = 0; first < count; first += CLIPS_AT_ONCE) {
          const group = Array.from({ length: Math.min(CLIPS_AT_ONCE, count - first) }, (_, i) => ({
            seed: seed + first + i,
            label: labels[(first + i) % labels.length]!,
          }))
          const start = performance.now()
          const together =
            group.length === 1
              ? null
              : await generator.generate({ ...shared, labels: group.map(clip => clip.label), seed: seed + first })
          const spent = (performance.now() - start) / 1000 / group.length
          for (const [i, { label, seed: clipSeed }] of group.entries()) {
            await writeAudio(context, generator.model, {
              output: pathOf(label, clipSeed),
              open: onProgress =>
                together === null
                  ? generator.stream({ ...shared, label, seed: clipSeed, onProgress })
                  : streamOf(together[i]!),
              spent,
              format: options.format,
              picture: options.picture ?? false,
              extra: { label: label ?? generator.drawLabel(clipSeed) },
            })
          }
        }
      } finally {
        await generator.dispose()
      }
    })
}
