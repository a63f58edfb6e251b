/** What describes an option of a command: its flags, its help, and how it is parsed. */

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
