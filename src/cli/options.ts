/** Builders of options, and the options that several commands share. */
import { defined } from '../core/defined.js'
import { DiffWaveError, type ErrorDetails } from '../core/errors.js'
import { suggestion } from '../core/suggest.js'
import { engineChoices, formatChoices, precisionChoices, samplerChoices } from './choices.js'
import { shard } from './inputs/shard.js'
import type { OptionSpec, Values } from './option-spec.js'

type More = Pick<OptionSpec<unknown>, 'conflicts' | 'default' | 'field' | 'group'>

/** The long name of an option, which errors mention. */
export function longName(flags: string): string {
  return /--[a-z-]+/.exec(flags)![0]
}

/** The default models, unless DIFFWAVE_MODEL names another. */
export const DEFAULT_VOCODER = 'speech'
export const DEFAULT_GENERATOR = 'music'

/** An option without a value. */
export function flag(flags: string, description: string, more: More = {}): OptionSpec<boolean | undefined> {
  return { flags, description, ...more }
}

/** @throws DiffWaveError `BAD_OPTION` for an empty text, as of a variable of the shell that is not set */
function filled(text: string, flags: string): string {
  if (text !== '') return text
  throw new DiffWaveError('BAD_OPTION', 'the value is empty', { where: longName(flags) })
}

export function text(flags: string, description: string, more: More = {}): OptionSpec<string | undefined> {
  return { flags, description, ...more, parse: text => filled(text, flags) }
}

export function requiredText(flags: string, description: string): OptionSpec<string> {
  return { flags, description, required: true, parse: text => filled(text, flags) }
}

/** Adds one more value of an option that takes several. */
function added(text: string, before: readonly string[] | undefined, flags: string): readonly string[] {
  return [...(before ?? []), filled(text, flags)]
}

/** One or more texts: `--label <names...>`. */
export function texts(flags: string, description: string, more: More = {}): OptionSpec<readonly string[] | undefined> {
  return { flags, description, ...more, parse: (text, before) => added(text, before, flags) }
}

export function requiredTexts(flags: string, description: string): OptionSpec<readonly string[]> {
  return { flags, description, required: true, parse: (text, before) => added(text, before, flags) }
}

/**
 * Parses a whole number, 0 or more.
 *
 * @param where names it in errors
 * @throws DiffWaveError `BAD_OPTION`
 */
export function parseInteger(text: string, where: string, more: Pick<ErrorDetails, 'hint'> = {}): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new DiffWaveError('BAD_OPTION', 'not a whole number', { got: text, where, ...more })
}

/** How several values of one option are separated, as the hint of an error, for a value with commas. */
export function spacesHint(text: string, flag: string): Pick<ErrorDetails, 'hint'> {
  if (!text.includes(',')) return {}
  const values = text.split(',').map(value => value.trim())
  return { hint: `Separate several values by spaces: ${[flag, ...values].join(' ')}` }
}

/** An option whose value is a whole number, 0 or more. */
export function integer(flags: string, description: string, more: More = {}): OptionSpec<number | undefined> {
  return { flags, description, ...more, parse: text => parseInteger(text, longName(flags)) }
}

/** An option whose value is a number. */
export function number(flags: string, description: string, more: More = {}): OptionSpec<number | undefined> {
  return {
    flags,
    description,
    ...more,
    parse: text => {
      const value = Number(text)
      if (text.trim() !== '' && Number.isFinite(value)) return value
      throw new DiffWaveError('BAD_OPTION', 'not a number', { got: text, where: longName(flags) })
    },
  }
}

/** An option whose value is one of several names. */
export function choice<Name extends string>(
  flags: string,
  description: string,
  choices: readonly Name[],
  more: More = {},
): OptionSpec<Name | undefined> {
  return {
    flags,
    description,
    choices,
    ...more,
    parse: text => {
      const name = choices.find(name => name === text)
      if (name !== undefined) return name
      throw new DiffWaveError('BAD_OPTION', 'unknown value', {
        expected: `one of ${choices.join(', ')}`,
        got: text,
        where: longName(flags),
        ...suggestion(text, choices),
      })
    },
  }
}

/** `--threads`. */
export const threads = integer('--threads <n>', 'number of threads, for the engines native and wasm', {
  default: '$DIFFWAVE_THREADS or all cores',
})

/** `--precision`. */
export const precision = choice(
  '--precision <precision>',
  'arithmetic of the network; fast uses bfloat16 on processors that have it',
  precisionChoices,
  { default: 'exact' },
)

/**
 * `-m`, `--engine`, `--threads`, `--precision`.
 *
 * @param fallback the model that runs if none is named; null if one must be named
 */
export function modelOptions(fallback: string | null) {
  const otherwise = fallback === null ? '' : ` or ${fallback}`
  return {
    model: text('-m, --model <model>', 'shipped model, folder, checkpoint, URL or hf:owner/name', {
      default: `$DIFFWAVE_MODEL${otherwise}`,
    }),
    engine: choice('--engine <engine>', 'engine to run the network on', engineChoices),
    threads,
    precision,
  }
}

export type ModelOptions = Values<ReturnType<typeof modelOptions>> & { readonly correction?: number | undefined }

/** `--force`. */
export const force = flag('-y, --force', 'overwrite existing files without asking')

/** `--force` of commands that write a model folder. */
export const forceFolder = { ...force, description: 'write into a folder that is not empty, without asking' }

/** `-o`, `--stdout` and the options of written WAVs. */
export const outputOptions = {
  output: text('-o, --output <path>', 'a .wav file, a folder for several, or - for standard output'),
  stdout: flag('--stdout', 'write the WAV to standard output as it is made'),
  format: choice(
    '--format <format>',
    'samples of the WAV: integers of 16 or 24 bits, or 32-bit floats',
    formatChoices,
    { default: '16' },
  ),
  picture: flag('--picture', 'also write a picture of the spectrogram (.png) beside each WAV'),
  force,
}

export type OutputOptions = Values<typeof outputOptions>

const steps: OptionSpec<number | string | undefined> = {
  flags: '--steps <n>',
  description: 'number of denoiser steps, or the name of one of the model’s noise schedules',
  default: 'the model’s',
  parse: text => (/^\d+$/.test(text) ? parseInteger(text, '--steps') : text),
}

/** `--steps`, `--sampler`, `--eta`, `--seed`. */
export const samplingOptions = {
  steps,
  sampler: choice('--sampler <sampler>', 'sampling algorithm', samplerChoices),
  eta: number('--eta <share>', 'share of DDPM’s noise that the DDIM sampler adds, 0 to 1', { default: '0' }),
  seed: integer('--seed <n>', 'seed of the noise: the same seed makes the same bytes', { default: 'random' }),
}

export type SamplingFlags = Values<typeof samplingOptions>

/** The sampling options that were given, as the library takes them. */
export function sampling({ steps, sampler, eta, seed }: SamplingFlags) {
  return defined({ steps, sampler, eta, seed })
}

/** `--correction`. */
export const correction = integer(
  '--correction <passes>',
  'passes that correct the sound towards the mel, 0 for none; only for models with a windowed front end',
  { default: 'the model’s' },
)

/** `--refine`. */
export const refine = integer('--refine <iterations>', 'iterations of phase refinement after sampling, 0 for none', {
  default: 'the model’s',
})

/** The options of `synthesize` and `resynthesize`. */
export const vocodeOptions = {
  ...outputOptions,
  ...modelOptions(DEFAULT_VOCODER),
  ...samplingOptions,
  refine,
  correction,
  label: text('--label <name>', 'voice, for models with labels'),
  chunkFrames: integer('--chunk-frames <n>', 'mel frames per chunk: small chunks start sooner, large ones run faster', {
    default: '8 in a pipe',
  }),
  shard,
}

/** `--key` and `--index`. @param group heading in the help */
export function melFileOptions(group: string) {
  return {
    key: text('--key <name>', 'name of the mel in a file of several arrays', { group }),
    index: integer('--index <n>', 'mel to take from a batch, counted from 0', { default: 'all, one file each', group }),
  }
}

/**
 * Sampling options of a process that does not start from pure noise, so that named schedules do not apply.
 *
 * @throws DiffWaveError `BAD_OPTION`
 */
export function countedSteps(options: SamplingFlags) {
  const { steps, ...rest } = sampling(options)
  if (typeof steps === 'string') {
    throw new DiffWaveError('BAD_OPTION', 'named schedules start from pure noise and do not apply here', {
      expected: 'a number of steps',
      got: steps,
      where: '--steps',
    })
  }
  return { ...rest, ...defined({ steps }) }
}
