/**
 * A command is data, from which the program, `--help` and docs/command-line.md are made. What it does is a function in
 * a module of its own (`actions/`).
 */
import type { DocumentedPage } from '../core/documentation.js'
import type { Context } from './context.js'

/** A positional argument. */
export interface ArgumentSpec {
  readonly name: string
  readonly description: string
  /** Whether it takes one or more values. */
  readonly variadic?: boolean
}

/**
 * An option. `Value` is what `run` receives; `undefined` is part of it unless the option is required.
 */
export interface OptionSpec<Value> {
  /** In commander's notation: `-m, --model <model>`, `--steps <n...>`, `--no-baseline`. */
  readonly flags: string
  /** What the value is, or what the option does: `number of clips`, `overwrite existing files`. */
  readonly description: string
  readonly required?: boolean
  /** What holds without the option, in words: `8080`, `the model’s`. */
  readonly default?: string
  /** The names that it accepts. */
  readonly choices?: readonly string[]
  /** The field of the library's options, if it has another name than the option: `limits.workSeconds`. */
  readonly field?: string
  /** The long name of an option that excludes this one. */
  readonly conflicts?: string
  /** Heading in the help. Options without a heading come first. */
  readonly group?: string
  /**
   * Parses a value.
   *
   * @param before the value so far, if the option takes several
   * @throws DiffWaveError `BAD_OPTION`
   */
  parse?(text: string, before: Value | undefined): Value
}

/** What an option means, with what it accepts and what holds without it. */
export function optionText({ description, choices, default: otherwise, required }: OptionSpec<unknown>): string {
  const facts = [
    ...(choices === undefined ? [] : [`choices: ${choices.join(', ')}`]),
    ...(otherwise === undefined ? [] : [`default: ${otherwise}`]),
    ...(required ? ['required'] : []),
  ]
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`
}

/** The values of a command's options, by the long name in camel case. */
export type Values<Options> = {
  readonly [Name in keyof Options]: Options[Name] extends OptionSpec<infer Value> ? Value : never
}

export type OptionSpecs = Readonly<Record<string, OptionSpec<unknown>>>

/** A command of the program. */
export interface Command<Options extends OptionSpecs = OptionSpecs> {
  readonly name: string
  /** What the command does, in one line that begins with a verb. */
  readonly summary: string
  /** Further paragraphs for `diffwave <command> --help` and the documentation. */
  readonly details?: readonly string[]
  /** Page of the documentation that shows how to use the command. */
  readonly guide?: DocumentedPage
  /** Heading in `diffwave --help`. */
  readonly group: string
  readonly arguments: readonly ArgumentSpec[]
  /** By the long name in camel case. */
  readonly options: Options
  /** Calls to try first. */
  readonly examples: readonly string[]
}

/**
 * Runs a command.
 *
 * @param words values of the arguments, in order
 */
export type Run<Options extends OptionSpecs = OptionSpecs> = (
  context: Context,
  words: readonly string[],
  options: Values<Options>,
) => Promise<void>

/** Infers the types of a command's options. */
export function defineCommand<Options extends OptionSpecs>(command: Command<Options>): Command<Options> {
  return command
}
