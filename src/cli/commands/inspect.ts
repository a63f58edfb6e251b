/** `diffwave inspect`: what is in this mel, recording, checkpoint or model folder. */
import { extname } from 'node:path'
import { describeAudio } from '../../audio/analysis.js'
import { decodeWav, decodeWavHeader } from '../../audio/codecs/wav.js'
import { melRange, recogniseConvention } from '../../audio/mel/mel.js'
import { DiffWaveError } from '../../core/errors.js'
import { kindOfPath, readFileBytes } from '../../core/files.js'
import { createSampler } from '../../diffusion/samplers/create.js'
import { readMel } from '../../formats/mel-file.js'
import { scheduleSteps } from '../../model/diffusion-config.js'
import { melHop, receptiveRadius } from '../../model/network.js'
import { parameterCount } from '../../model/parameters.js'
import { readModel } from '../../model/read-model.js'
import { lookAhead } from '../../synthesis/clip.js'
import type { AddCommand } from '../command.js'
import { eachInput } from '../each-input.js'

type Facts = Readonly<Record<string, string | number | boolean | null>>

async function inspectWav(path: string): Promise<Facts> {
  const bytes = await readFileBytes(path)
  const header = decodeWavHeader(bytes, path)
  const description = describeAudio(decodeWav(bytes, path))
  return {
    kind: 'audio',
    container: header.container,
    encoding: `${header.encoding}, ${header.bitsPerSample} bits`,
    channels: header.channels,
    sampleRate: header.sampleRate,
    ...description,
  }
}

async function inspectMel(path: string): Promise<Facts> {
  const { mel } = await readMel(path)
  const convention = recogniseConvention(mel)
  return {
    kind: 'mel',
    bands: mel.bands,
    frames: mel.frames,
    ...melRange(mel),
    looksLike: convention === 'tacotron2' ? 'tacotron2 or hifigan' : convention,
  }
}

async function inspectModel(path: string): Promise<Facts> {
  const { config, source } = await readModel(path)
  const { network, diffusion } = config
  const training = diffusion.training
  const milliseconds = (samples: number) => (1000 * samples) / config.sampleRate
  const receptiveField = (2 * receptiveRadius(network) + 1) * network.patch
  const { steps } = createSampler(diffusion)
  return {
    kind: config.kind,
    source,
    name: config.name,
    licence: config.licence,
    sampleRate: config.sampleRate,
    convention: config.mel?.name ?? null,
    channels: network.channels,
    layers: network.layers,
    dilationCycle: network.dilationCycle,
    patch: network.patch,
    receptiveField,
    receptiveFieldMilliseconds: milliseconds(receptiveField),
    defaultSteps: steps.length,
    lookAheadMilliseconds: milliseconds(lookAhead(config, steps.length)),
    refinementIterations: diffusion.refinement?.iterations ?? null,
    hop: network.mel === null ? null : melHop(network.mel),
    labels: network.labels?.join(', ') ?? null,
    drawsLabels: config.labelShares !== null,
    parameters: parameterCount(network),
    trainingSchedule: `${training.kind}, ${scheduleSteps(training)} steps`,
    samplingSchedules: Object.keys(diffusion.sampling).join(', '),
  }
}

async function inspect(path: string): Promise<Facts> {
  if ((await kindOfPath(path)) === 'directory') return inspectModel(path)
  switch (extname(path).toLowerCase()) {
    case '.wav':
      return inspectWav(path)
    case '.npy':
    case '.safetensors':
      return inspectMel(path)
    default:
      try {
        return await inspectModel(path)
      } catch (error) {
        // A .pt may also hold a mel by itself.
        if (!(error instanceof DiffWaveError) || error.code !== 'UNSUPPORTED_FORMAT') throw error
        return await inspectMel(path).catch(() => {
          throw error
        })
      }
  }
}

function format(value: Facts[string]): string {
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value ?? 'none')
  return value.toFixed(3)
}

export const addInspect: AddCommand = (program, run) => {
  program
    .command('inspect <path...>')
    .description('what is in these mels, recordings, checkpoints or model folders')
    .action(async (paths: string[]) => {
      const { context, debug } = run()
      await eachInput(context, paths, debug, async path => {
        const facts = await inspect(path)
        const lines = Object.entries(facts).map(([name, value]) => `  ${name}: ${format(value)}`)
        context.result([path, ...lines].join('\n'), { path, ...facts })
      })
    })
}
