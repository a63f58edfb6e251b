/** `diffwave inspect`: what is in this mel, recording, checkpoint or model folder. */
import { DiffWaveError } from '../../core/errors.js'
import { kindOfPath, readFileBytes } from '../../core/files.js'
import { defineCommand } from '../command.js'
import type { Context } from '../context.js'
import { eachInput } from '../each-input.js'
import { findInput, type Input, recordings } from '../inputs.js'
import { wrappedList } from '../text.js'

type Facts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

async function inspectAudio(bytes: Uint8Array, name: string): Promise<Facts> {
  const [{ describeAudio }, { decodeAudio }, { decodeWavHeader }] = await Promise.all([
    import('../../audio/analysis.js'),
    import('../../audio/codecs/decode.js'),
    import('../../audio/codecs/wav-header.js'),
  ])
  const audio = await decodeAudio(bytes, name)
  const format = audioFormat(bytes)
  const description = { sampleRate: audio.sampleRate, ...describeAudio(audio) }
  if (format !== 'WAV') return { kind: 'audio', container: format, ...description }
  const { container, encoding, bitsPerSample, channels } = decodeWavHeader(bytes, name)
  return { kind: 'audio', container, encoding: `${encoding}, ${bitsPerSample} bits`, channels, ...description }
}

async function inspectMel(context: Context, { name, path }: Input): Promise<Facts> {
  const [{ namedConventions }, { MelStatistics, melScale }, { openMel }, { noteMel }] = await Promise.all([
    import('../../audio/mel/convention.js'),
    import('../../audio/mel/scale.js'),
    import('../../formats/mel-stream.js'),
    import('../mel-notes.js'),
  ])
  const mel = await openMel(path)
  const statistics = new MelStatistics()
  for await (const piece of mel) statistics.add(piece)
  const scale = melScale(statistics)
  if (scale !== 'lmnt') await noteMel(context, name, mel, statistics, namedConventions.tacotron2)
  const { bands, frames } = mel
  const { min, max, median } = statistics
  const looksLike = scale === 'natural logarithm' ? 'tacotron2 or hifigan' : scale
  return { kind: 'mel', bands, frames, min, max, median, looksLike }
}

async function inspectModel(path: string): Promise<Facts> {
  const [{ readModel }, { describeModel }] = await Promise.all([
    import('../../model/read-model.js'),
    import('../../synthesis/describe-model.js'),
  ])
  const { config, source } = await readModel(path)
  const { kind, ...rest } = describeModel(config)
  return { kind, source, ...rest }
}

/** The first bytes of files that are recordings. */
const signatures: readonly [string, string][] = [
  ['RIFF', 'WAV'],
  ['RIFX', 'WAV'],
  ['RF64', 'WAV'],
  ['fLaC', 'FLAC'],
  ['OggS', 'Ogg'],
  ['ID3', 'MP3'],
]

/** The format of a recording by its first bytes; null: not a recording. */
function audioFormat(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.subarray(0, 4)).toString('latin1')
  const found = signatures.find(([signature]) => start.startsWith(signature))
  if (found !== undefined) return found[1]
  return bytes[0] === 0xff && (bytes[1]! & 0xe0) === 0xe0 ? 'MP3' : null
}

async function inspect(context: Context, word: string): Promise<Facts> {
  const { shippedModels, modelPath } = await import('../../denoiser/load-model.js')
  const kind = await kindOfPath(word)
  const isName = kind === 'missing' && shippedModels().includes(word)
  if (kind === 'directory' || isName) return inspectModel(await modelPath(word))
  const input = await findInput(word, context.signal)
  const bytes = await readFileBytes(input.path)
  // By the first bytes, and by the ending only if they say nothing: a broken file still gets the error of its kind.
  if (audioFormat(bytes) !== null) return inspectAudio(bytes, input.name)
  if (bytes[0] === 0x93 || /\.(npy|safetensors)$/i.test(word)) return inspectMel(context, input)
  if (recordings.ending.test(word)) return inspectAudio(bytes, input.name)
  try {
    return await inspectModel(input.path)
  } catch (error) {
    // A .pt may also hold a mel by itself.
    if (!(error instanceof DiffWaveError) || error.code !== 'UNSUPPORTED_FORMAT') throw error
    return await inspectMel(context, input).catch(() => {
      throw error
    })
  }
}

/** Columns of a list of labels. */
const LIST_COLUMNS = 96

/** A fact as one or more lines. */
function factLines(name: string, value: Facts[string]): string[] {
  if (typeof value === 'number') return [`  ${name}: ${Number.isInteger(value) ? value : value.toFixed(3)}`]
  if (value === null || typeof value !== 'object') return [`  ${name}: ${value ?? 'none'}`]
  const [first = 'none', ...more] = wrappedList(value, LIST_COLUMNS - name.length)
  return [`  ${name}: ${first}`, ...more.map(line => `    ${line}`)]
}

/** A list as one text, as JSON has it. */
function jsonFact(value: Facts[string]): Facts[string] {
  return value !== null && typeof value === 'object' ? value.join(', ') : value
}

export const command = defineCommand({
  name: 'inspect',
  summary: 'Facts of mels, recordings, checkpoints and models',
  group: 'Mels and models',
  arguments: [{ name: 'path', description: 'files, model folders, names of shipped models, or -', variadic: true }],
  options: {},
  examples: ['diffwave inspect speech', 'diffwave inspect mel.npy recording.wav'],
  run: (context, words) =>
    eachInput(context, words, async word => {
      const facts = Object.entries(await inspect(context, word))
      const json = Object.fromEntries(facts.map(([name, value]) => [name, jsonFact(value)]))
      context.result([word, ...facts.flatMap(([name, value]) => factLines(name, value))], { path: word, ...json })
    }),
})
