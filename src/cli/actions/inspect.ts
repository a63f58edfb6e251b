/** `diffwave inspect`: what is in this mel, recording, checkpoint or model folder. */
import { describeAudio } from '../../audio/analysis.js'
import { type MelConvention, namedConventions } from '../../audio/mel/convention.js'
import { likelyConventions, MelSummary, valueScale, valueScaleTexts } from '../../audio/mel/value-scale.js'
import { DiffWaveError } from '../../core/errors.js'
import { kindOfPath } from '../../core/path-kind.js'
import { readFileRange } from '../../core/read-file.js'
import { openMels, type StoredMel } from '../../formats/mel-stream.js'
import { isCheckpointName } from '../../model/checkpoint-name.js'
import { readModel } from '../../model/read-model.js'
import { isRemote } from '../../model/remote/address.js'
import { modelPath, shippedModels } from '../../model/shipped-models.js'
import { describeModel, type ScheduleFacts, type WindowFacts } from '../../synthesis/describe-model.js'
import type { Context } from '../context.js'
import { eachInput } from '../inputs/each-input.js'
import { findInput, findPaths, type Input } from '../inputs/inputs.js'
import { noteMel } from '../inputs/mel-notes.js'
import { readRecording } from '../inputs/read-recording.js'
import { fetchModel } from '../load.js'
import { stepCount, wrappedList } from '../text.js'

/** A fact as `--json` prints it. */
type Fact = string | number | boolean | null | readonly string[] | WindowFacts | ScheduleFacts
type Facts = Readonly<Record<string, Fact>>

async function inspectAudio(context: Context, input: Input): Promise<Facts> {
  const recording = await readRecording(context, input)
  const { format, channels, sampleRate } = recording
  return { kind: 'audio', format, channels, sampleRate, ...describeAudio(recording) }
}

/**
 * The number of bands of mels that were opened without one. If only their number of frames is that of a convention's
 * bands, the file has `[frames × bands]`.
 */
function bandsOf({ bands, frames }: StoredMel, conventions: readonly MelConvention[]): number {
  const isKnown = (count: number) => conventions.some(convention => convention.bands === count)
  return isKnown(frames) && !isKnown(bands) ? frames : bands
}

async function inspectMel(context: Context, { name, path }: Input): Promise<Facts> {
  const asStored = await openMels(path)
  const likelyBands = bandsOf(asStored[0]!, Object.values(namedConventions))
  const all = likelyBands === asStored[0]!.bands ? asStored : await openMels(path, likelyBands)
  const summary = new MelSummary()
  for (const mel of all) for await (const piece of mel) summary.add(piece)
  const [first] = all
  const { bands, frames } = first!
  const likely = likelyConventions(bands, summary)
  const nearest = likely[0] ?? (bands === namedConventions.tacotron2.bands ? 'tacotron2' : undefined)
  const expected = nearest === undefined ? null : namedConventions[nearest]
  await noteMel(context, name, first!, summary, expected)
  const scale = valueScale(summary)
  if (scale === 'linear' && expected === null) context.note(`${name} looks like ${valueScaleTexts[scale]}`)
  const batch = all.length === 1 ? {} : { mels: all.length }
  const { min, max, median } = summary
  const looksLike = likely.length > 0 || scale === null ? likely : [scale]
  return { kind: 'mel', ...batch, bands, frames, min, max, median, looksLike }
}

async function inspectModel(path: string): Promise<Facts> {
  const { config, source } = await readModel(path)
  const { kind, ...rest } = describeModel(config)
  return { kind, source, ...rest }
}

/** Model files and mels by their first bytes: zip archives and pickles, `.npy`. */
const SIGNATURE_BYTES = 2
const isModelFile = (bytes: Uint8Array) => bytes[0] === 0x80 || (bytes[0] === 0x50 && bytes[1] === 0x4b)
const isNpyFile = (bytes: Uint8Array) => bytes[0] === 0x93

async function inspect(context: Context, word: string): Promise<Facts> {
  if (isRemote(word)) return inspect(context, await fetchModel(context, word))
  const kind = await kindOfPath(word)
  const isName = kind === 'missing' && shippedModels().includes(word)
  if (kind === 'directory' || isName) return inspectModel(await modelPath(word))
  const input = await findInput(word, context.signal)
  // A mel may be larger than what is read whole.
  const { bytes } = await readFileRange(input.path, { start: 0, end: SIGNATURE_BYTES })
  if (isNpyFile(bytes) || /\.np[yz]$/i.test(word)) return inspectMel(context, input)
  // A .pt or .safetensors may hold a network, or a mel by itself.
  if (isModelFile(bytes) || isCheckpointName(word)) return orMel(context, input, inspectModel(input.path))
  // A file without an ending may be safetensors, which have no signature.
  return orMel(context, input, inspectAudio(context, input))
}

/** What was found, or the facts of a mel if the format of the file is not the expected one. */
async function orMel(context: Context, input: Input, expected: Promise<Facts>): Promise<Facts> {
  try {
    return await expected
  } catch (error) {
    if (!(error instanceof DiffWaveError) || error.code !== 'UNSUPPORTED_FORMAT') throw error
    return await inspectMel(context, input).catch(() => {
      throw error
    })
  }
}

/** Columns of a list of labels. */
const LIST_COLUMNS = 96

/** Facts whose titles are not just the words of their names. */
const titles: Readonly<Record<string, string>> = {
  min: 'smallest value',
  max: 'largest value',
  seconds: 'length',
  rmsDecibels: 'RMS level',
  silentShare: 'share of silent frames',
  patch: 'samples per position (patch)',
  receptiveFieldMilliseconds: 'receptive field',
  lookAheadMilliseconds: 'look-ahead with the defaults',
  lowLatencyMilliseconds: 'look-ahead with low latency',
  highBandHertz: 'high band of noise, from',
  drawsLabels: 'draws a label by the seed',
}
/** Words for facts that are no plain values. */
const words = {
  looksLike: (names: readonly string[]) => names.join(' or ') || 'no known convention',
  windows: ({ length, hop, bins, learned, envelope }: WindowFacts) =>
    [
      `${length} samples every ${hop}`,
      `${bins} bins`,
      ...(learned ? ['learned'] : []),
      ...(envelope ? ['with the mel’s envelope'] : []),
    ].join(', '),
  trainingSchedule: ({ kind, steps }: ScheduleFacts) => `${kind}, ${stepCount(steps)}`,
}
/** A fact with its words in the place of its value, if it has some. */
function worded(name: string, value: Fact): Fact {
  const inWords = (words as Readonly<Record<string, (value: never) => string>>)[name]
  return inWords === undefined || value === null ? value : inWords(value as never)
}

const units: Readonly<Record<string, string>> = {
  seconds: 's',
  sampleRate: 'Hz',
  spectralCentroid: 'Hz',
  rmsDecibels: 'dB',
  hop: 'samples',
  receptiveField: 'samples',
  receptiveFieldMilliseconds: 'ms',
  lookAheadMilliseconds: 'ms',
  lowLatencyMilliseconds: 'ms',
  highBandHertz: 'Hz',
}

/** A fact as one or more lines. JSON has its name, a line its title and unit. */
function factLines(name: string, fact: Fact): string[] {
  const value = worded(name, fact)
  const title = titles[name] ?? name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
  const unit = units[name] === undefined ? '' : ` ${units[name]}`
  if (typeof value === 'number') return [`  ${title}: ${Number.isInteger(value) ? value : value.toFixed(3)}${unit}`]
  if (typeof value === 'boolean') return [`  ${title}: ${value ? 'yes' : 'no'}`]
  if (value === null || typeof value !== 'object') return [`  ${title}: ${value ?? 'none'}`]
  const [first = 'none', ...more] = wrappedList(value as readonly string[], LIST_COLUMNS - title.length)
  return [`  ${title}: ${first}`, ...more.map(line => `    ${line}`)]
}

export async function run(context: Context, words: readonly string[]): Promise<void> {
  // An address may have the sign of a pattern, as in `?download=true`.
  const paths = await Promise.all(words.map(word => (isRemote(word) ? [word] : findPaths(word, context.signal))))
  await eachInput(context, paths.flat(), async path => {
    const facts = await inspect(context, path)
    const lines = Object.entries(facts).flatMap(([name, fact]) => factLines(name, fact))
    context.result([path, ...lines], { path, ...facts })
  })
}
