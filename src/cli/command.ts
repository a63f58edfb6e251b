/**
 * A command is data, from which the program, `--help` and docs/command-line.md are made. What it does is a function in
 * a module of its own (`actions/`).
 */
import type { DocumentedPage } from '../core/documentation.js'
import type { Context } from './context.js'
import type { OptionSpecs, Values } from './option-spec.js'

/** A positional argument. */
export interface ArgumentSpec {
  readonly name: string
  readonly description: string
  /** Whether it takes one or more values. */
  readonly variadic?: boolean
}

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
