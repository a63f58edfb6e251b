/** `diffwave generate`: clips from noise alone, or from a label. */
import { join } from 'node:path'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_CLIPS } from '../../core/limits.js'
import { makeFolder } from '../../core/make-folder.js'
import { checkSeedRange, drawSeed } from '../../core/seed.js'
import { oneOf } from '../../core/suggest.js'
import type { Denoiser } from '../../denoiser/denoiser.js'
import { Generator } from '../../generator.js'
import type { command } from '../commands/generate.js'
import type { Context } from '../context.js'
import { shardRange } from '../inputs/shard.js'
import { noteSteps, openModel } from '../load.js'
import type { Values } from '../option-spec.js'
import { DEFAULT_GENERATOR, sampling, spacesHint } from '../options.js'
import { checkFile, confirmOverwrite, meansFile, oneFile, refuseLonePictures } from '../outputs/outputs.js'
import { checkStdout, chosenOutput, STDOUT } from '../outputs/sink.js'
import { picturePath, streamOf, type Written, writeAudio } from '../outputs/write-audio.js'

/** A label may hold what a file's name may not. */
function fileName(label: string | undefined, seed: number): string {
  return `${(label ?? 'clip').replace(/[^\p{L}\p{N} ._-]/gu, '_')}-${seed}.wav`
}

type Options = Values<typeof command.options>

/** A clip to make, and the file that it goes to. */
interface ClipJob {
  readonly seed: number
  readonly label: string | undefined
  readonly output: string
}

/**
 * Plans the clips of the command, or those of its shard, and makes their folder.
 *
 * @throws DiffWaveError `BAD_OPTION`, `NOT_WRITABLE`
 */
async function planClips(context: Context, { label: labels, seed = drawSeed(), ...others }: Options) {
  const count = others.count ?? labels?.length ?? 1
  const output = chosenOutput(others)
  if (count < 1 || count > MAX_CLIPS) {
    throw new DiffWaveError('BAD_OPTION', 'the number of clips is out of range', {
      expected: `1 … ${MAX_CLIPS}`,
      got: String(count),
      where: '--count',
    })
  }
  checkSeedRange(seed, count)
  if (output === STDOUT) checkStdout(count, others)
  const toFile = await meansFile(output, ['.wav'])
  if (toFile && count > 1) throw oneFile(`${count} clips`, output)
  if (toFile && output !== STDOUT) await checkFile(output, ['.wav'])
  const [first, end] = shardRange(count, others.shard ?? { index: 0, count: 1 })
  const jobs = Array.from({ length: end - first }, (_, i): ClipJob => {
    const own = { seed: seed + first + i, label: labels?.[(first + i) % labels.length] }
    return { ...own, output: toFile ? output : join(output, fileName(own.label, own.seed)) }
  })
  const paths = jobs.map(job => job.output)
  const pictures = others.picture ? paths.map(picturePath) : []
  refuseLonePictures(paths, pictures)
  await confirmOverwrite(context, [...paths, ...pictures], others.force)
  if (!toFile) await makeFolder(output)
  return jobs
}

/** @throws DiffWaveError `UNKNOWN_LABEL` for labels that are joined by commas */
function refuseJoined({ labels: names, config: { aliases } }: Generator, labels: readonly string[] = []): void {
  if (names.length === 0) return
  const joined = labels.find(label => label.includes(',') && !names.includes(label) && !Object.hasOwn(aliases, label))
  if (joined === undefined) return
  throw new DiffWaveError('UNKNOWN_LABEL', 'unknown label', {
    expected: oneOf(names),
    got: joined,
    ...spacesHint(joined, '--label'),
  })
}

/** Makes clips whose seeds follow each other, and writes each as soon as it is ready. */
async function makeClips(context: Context, model: Denoiser, jobs: readonly ClipJob[], options: Options): Promise<void> {
  const generator = new Generator(model)
  refuseJoined(generator, options.label)
  const { seconds, guidance, format, picture } = options
  const shared = { ...sampling(options), ...defined({ seconds, guidance }), signal: context.signal }
  const write = ({ output, label, seed }: ClipJob, open: Written['open'], spent = 0) =>
    writeAudio(context, model, {
      output,
      open,
      spent,
      format,
      picture,
      extra: () => ({ label: label ?? generator.drawLabel(seed) }),
    })
  const [first] = jobs
  if (jobs.length === 1) {
    // Written while it is made.
    const { seed, label } = first!
    return write(first!, onProgress => generator.stream({ ...shared, seed, label, onProgress }))
  }
  const labels = options.label && jobs.map(({ label }) => label!)
  let start = performance.now()
  for await (const batch of generator.batches({ ...shared, count: jobs.length, labels, seed: first!.seed })) {
    const spent = (performance.now() - start) / 1000 / batch.length
    for (const made of batch) await write(jobs[made.seed - first!.seed]!, () => streamOf(made), spent)
    start = performance.now()
  }
}

export async function run(
  context: Context,
  _: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  if (options.shard !== undefined && options.seed === undefined) {
    throw new DiffWaveError('BAD_OPTION', 'a shard of the clips needs a seed', {
      expected: 'the same --seed for every shard',
      where: '--shard',
    })
  }
  const jobs = await planClips(context, options)
  if (jobs.length === 0) return context.note('this shard has no clips')
  const model = await openModel(context, options, DEFAULT_GENERATOR)
  try {
    noteSteps(context, model, options.steps)
    await makeClips(context, model, jobs, options)
  } finally {
    await model.dispose()
  }
}
