/** `diffwave generate`: clips from noise alone, or from a label. */
import { join } from 'node:path'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_CLIPS } from '../../core/limits.js'
import { makeFolder } from '../../core/make-folder.js'
import { drawSeed } from '../../core/seed.js'
import { defineCommand } from '../command.js'
import { shard, shardRange } from '../inputs/shard.js'
import { DEFAULT_GENERATOR, noteSteps, openModel } from '../load.js'
import { integer, modelOptions, number, outputOptions, sampling, samplingOptions, texts } from '../options.js'
import { checkFile, confirmOverwrite, meansFile, oneFile, refuseLonePictures } from '../outputs/outputs.js'
import { checkStdout, chosenOutput, STDOUT } from '../outputs/sink.js'
import { picturePath, streamOf, type Written, writeAudio } from '../outputs/write-audio.js'

/** A label may hold what a file's name may not. */
function fileName(label: string | undefined, seed: number): string {
  return `${(label ?? 'clip').replace(/[^\p{L}\p{N} ._-]/gu, '_')}-${seed}.wav`
}

export const command = defineCommand({
  name: 'generate',
  summary: 'Generate clips from noise alone, or from a label',
  group: 'Make audio',
  arguments: [],
  options: {
    ...outputOptions,
    ...modelOptions(DEFAULT_GENERATOR),
    count: integer('-n, --count <n>', 'number of clips (default: one, or one per label)'),
    seconds: number('--seconds <s>', 'length of a clip in seconds (default: the model’s)'),
    label: texts('--label <names...>', 'classes that the model was trained on, taken in turn'),
    guidance: number(
      '--guidance <w>',
      'weight of classifier-free guidance, 0 for none: larger values follow the label more closely',
    ),
    ...samplingOptions,
    shard: {
      ...shard,
      description: 'make only shard i of n of the clips, counted from 0: for job arrays on a cluster',
    },
  },
  examples: ['diffwave generate -o clip.wav', 'diffwave generate -o clips --count 4 --seconds 2'],
  run: async (context, _, options) => {
    const { label: labels, seed = drawSeed(), format, picture } = options
    const count = options.count ?? labels?.length ?? 1
    const output = chosenOutput(options)
    if (count < 1 || count > MAX_CLIPS || !Number.isSafeInteger(seed + count - 1)) {
      throw new DiffWaveError('BAD_OPTION', 'the number of clips is out of range', {
        expected: `1 … ${MAX_CLIPS}, and a seed that leaves room for them`,
        got: String(count),
        where: '--count',
      })
    }
    if (output === STDOUT) checkStdout(count, options)
    const toFile = await meansFile(output, ['.wav'])
    if (toFile && count > 1) throw oneFile(`${count} clips`, output)
    if (toFile && output !== STDOUT) await checkFile(output, ['.wav'])
    if (options.shard !== undefined && options.seed === undefined) {
      throw new DiffWaveError('BAD_OPTION', 'a shard of the clips needs a seed', {
        expected: 'the same --seed for every shard',
        where: '--shard',
      })
    }
    const [first, end] = shardRange(count, options.shard ?? { index: 0, count: 1 })
    const all = Array.from({ length: count }, (_, i) => ({ seed: seed + i, label: labels?.[i % labels.length] }))
    const clips = all.slice(first, end)
    const pathOf = (label: string | undefined, clipSeed: number) =>
      toFile ? output : join(output, fileName(label, clipSeed))
    const paths = clips.map(({ label, seed }) => pathOf(label, seed))
    const pictures = picture ? paths.map(picturePath) : []
    refuseLonePictures(paths, pictures)
    await confirmOverwrite(context, [...paths, ...pictures], options.force)
    if (!toFile) await makeFolder(output)
    if (clips.length === 0) return context.note('this shard has no clips')

    const { Generator } = await import('../../generator.js')
    const model = await openModel(context, options, DEFAULT_GENERATOR)
    try {
      const generator = new Generator(model)
      await noteSteps(context, model, options.steps)
      const { seconds, guidance } = options
      const shared = { ...sampling(options), ...defined({ seconds, guidance }), signal: context.signal }
      const write = (clip: (typeof clips)[number], open: Written['open'], spent = 0) =>
        writeAudio(context, model, {
          output: pathOf(clip.label, clip.seed),
          open,
          spent,
          format,
          picture,
          extra: () => ({ label: clip.label ?? generator.drawLabel(clip.seed) }),
        })
      if (clips.length === 1) {
        // Written while it is made.
        await write(clips[0]!, onProgress => generator.stream({ ...shared, ...clips[0]!, onProgress }))
        return
      }
      const own = { count: clips.length, labels: labels && clips.map(({ label }) => label!), seed: seed + first }
      const batches = { ...shared, ...own }
      let start = performance.now()
      for await (const batch of generator.batches(batches)) {
        const spent = (performance.now() - start) / 1000 / batch.length
        for (const made of batch) await write(all[made.seed - seed]!, () => streamOf(made), spent)
        start = performance.now()
      }
    } finally {
      await model.dispose()
    }
  },
})
