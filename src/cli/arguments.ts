/** Parsers of option values, and the options that several commands share. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { wavFormats } from '../audio/codecs/wav.js'
import { engineNames } from '../engines/select.js'
import { samplerNames } from '../model/diffusion-config.js'

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) throw new InvalidArgumentError('Not a whole number.')
  return Number(text)
}

export function realNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Not a number.')
  return value
}

/** A number of steps, or a schedule's name. */
export function steps(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text
}

/** The model used where none is named. */
export const DEFAULT_MODEL = 'speech'

/** `-m`, `--engine`, `--threads`. */
export function withModel(command: Command): Command {
  return command
    .option('-m, --model <model>', 'a shipped model’s name, a model folder, or a checkpoint', DEFAULT_MODEL)
    .addOption(new Option('--engine <engine>', 'what runs the network').choices([...engineNames]).default('auto'))
    .option('--threads <n>', 'threads of the native engine', wholeNumber)
}

export interface ModelOptions {
  readonly model: string
  readonly engine: (typeof engineNames)[number]
  readonly threads?: number
}

/** The options of `loadModel` among a command's own. */
export function loadOptions({ engine, threads }: ModelOptions) {
  return { engine, ...(threads === undefined ? {} : { threads }) }
}

/** `-o` and `--stdout`, of which one must be given (`chosenOutput`). */
export function withOutput(command: Command): Command {
  return command
    .option('-o, --output <path>', 'a .wav file, a folder for several, or - for standard output')
    .option('--stdout', 'write WAV to standard output, while it is made')
}

export interface OutputOptions {
  readonly output?: string
  readonly stdout?: boolean
}

/** `--steps`, `--sampler`, `--seed` and the output's. */
export function withSampling(command: Command): Command {
  return command
    .option('--steps <n>', 'denoiser steps, or a schedule’s name', steps)
    .addOption(new Option('--sampler <sampler>', 'how noise is taken out').choices([...samplerNames]))
    .option('--eta <share>', 'noise that DDIM adds, 0 to 1', realNumber)
    .option('--seed <n>', 'the same seed gives the same bytes', wholeNumber)
    .addOption(new Option('--format <format>', 'of the WAV').choices([...wavFormats]).default('16'))
    .option('--picture', 'write a picture (.png) beside each WAV')
}

export interface SamplingOptions {
  readonly steps?: number | string
  readonly sampler?: (typeof samplerNames)[number]
  readonly eta?: number
  readonly seed?: number
  readonly format: (typeof wavFormats)[number]
  readonly picture?: boolean
}

/** The sampling options that were given. */
export function samplingOptions({ steps, sampler, eta, seed }: Omit<SamplingOptions, 'format'>) {
  return {
    ...(steps === undefined ? {} : { steps }),
    ...(sampler === undefined ? {} : { sampler }),
    ...(eta === undefined ? {} : { eta }),
    ...(seed === undefined ? {} : { seed }),
  }
}
