/** Builds the program, its help and its errors from the commands' data. */
import { type Argument, Command as Commander, CommanderError, Option } from 'commander'
import { documentation } from '../core/documentation.js'
import { DiffWaveError } from '../core/errors.js'
import { packageVersion } from '../core/package.js'
import { suggestion } from '../core/suggest.js'
import type { Command } from './command.js'
import type { LoadableCommand } from './commands.js'
import { Context, type GlobalOptions } from './context.js'
import { type OptionSpec, optionText } from './option-spec.js'
import { longName } from './options.js'
import { inOwnFlags } from './own-flags.js'

/** The options that every command takes. */
export const globalOptions = [
  { flags: '--json', description: 'print results, notes and errors as one line of JSON each' },
  { flags: '--quiet', description: 'print only errors' },
  { flags: '--debug', description: 'print stack traces with errors' },
] as const

const globalNames: ReadonlySet<string> = new Set(globalOptions.map(({ flags }) => flags))

/** Width of the help in columns, unless the terminal is narrower. */
const HELP_COLUMNS = 100

/** Runs the program. @throws DiffWaveError as the command does; `BAD_OPTION` for a call that cannot be parsed */
export async function runProgram(commands: readonly LoadableCommand[], argv: readonly string[], signal: AbortSignal) {
  const program = new Commander('diffwave')
    .description('Neural vocoding, audio generation and training with DiffWave.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', `\nDocumentation: ${documentation(null)}`)
  for (const { flags, description } of globalOptions) program.option(flags, description)
  quietly(program)
  for (const command of commands) {
    const own = program.command(command.name)
    quietly(own)
    describe(own, command)
    own.action(async (...given: unknown[]) => {
      const values = given.slice(0, command.arguments.length).flat() as string[]
      const { json = false, quiet = false, debug = false } = program.opts<Partial<GlobalOptions>>()
      const { run } = await command.load()
      const context = new Context(signal, { json, quiet, debug }, command.options)
      try {
        await run(context, values, own.opts())
      } catch (error) {
        throw inOwnFlags(error, command.options)
      }
    })
  }
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return
    throw usageError(error, commands, argv)
  }
}

/** The word that names the command to run, or, after `help`, the one to explain. */
function commandWord(argv: readonly string[]): string | undefined {
  return argv.filter(word => !word.startsWith('-')).find((word, i) => word !== 'help' || i > 0)
}

/** Prints the program's help, for a call without arguments. */
export function programHelp(commands: readonly LoadableCommand[]): Promise<void> {
  return runProgram(commands, ['--help'], new AbortController().signal)
}

/** Makes commander throw errors instead of printing them, and limits the width of the help. */
function quietly(command: Commander): void {
  const columns = Math.min(process.stdout.columns ?? HELP_COLUMNS, HELP_COLUMNS)
  command
    .exitOverride()
    .configureOutput({ writeErr: () => {}, getOutHelpWidth: () => columns })
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: ({ parent }) => parent?.options.filter(({ long }) => globalNames.has(long!)) ?? [],
      subcommandTerm: command => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
      styleTitle: title => (title === 'Global Options:' ? 'Options of all commands:' : title),
    })
    .showHelpAfterError(false)
    .showSuggestionAfterError(false)
}

/** An argument as the list of commands shows it. */
function argumentTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

function describe(own: Commander, command: Command): void {
  own
    .summary(command.summary)
    .helpGroup(`${command.group}:`)
    .description([`${command.summary}.`, ...(command.details ?? [])].join('\n\n'))
    .helpOption('-h, --help', 'print this help')
  for (const { name, description, variadic } of command.arguments) {
    own.argument(variadic ? `<${name}...>` : `<${name}>`, description)
  }
  for (const spec of Object.values(command.options)) own.addOption(commanderOption(spec))
  if (command.examples.length > 0) {
    own.addHelpText('after', `\nExamples:\n${command.examples.map(line => `  ${line}`).join('\n')}`)
  }
  if (command.guide !== undefined) own.addHelpText('after', `\nGuide: ${documentation(command.guide)}`)
}

function commanderOption(spec: OptionSpec<unknown>): Option {
  const option = new Option(spec.flags, optionText(spec))
  if (spec.parse !== undefined) option.argParser((text, before) => spec.parse!(text, before))
  if (spec.required) option.makeOptionMandatory()
  if (spec.conflicts !== undefined) option.conflicts(spec.conflicts)
  if (spec.group !== undefined) option.helpGroup(`${spec.group}:`)
  return option
}

/** An error of commander as one of ours, with a suggestion as the hint. */
function usageError(
  { code, message }: CommanderError,
  commands: readonly LoadableCommand[],
  argv: readonly string[],
): DiffWaveError {
  const word = commandWord(argv)
  const command = commands.find(({ name }) => name === word)
  const flags = [...globalNames, ...Object.values(command?.options ?? {}).map(({ flags }) => longName(flags))]
  const names = commands.map(({ name }) => name)
  const { problem, meant } = isAboutCommand(code)
    ? {
        problem: word === undefined ? 'no command is named' : `unknown command '${word}'`,
        meant: suggestion(word ?? '', names).hint,
      }
    : { problem: message.replace(/^error: /, ''), meant: suggestion(unknownOption(code, message), flags).hint }
  const help =
    command === undefined
      ? '`diffwave --help` lists commands and options.'
      : `\`diffwave ${command.name} --help\` lists options.`
  return new DiffWaveError('BAD_OPTION', problem, { hint: meant === undefined ? help : `${meant} ${help}` })
}

/** Whether no command could be found. Without one, or after `help`, commander then wants to print the help. */
function isAboutCommand(code: string): boolean {
  return code === 'commander.unknownCommand' || code === 'commander.help'
}

/** The option that commander does not know; empty if its error is another one. */
function unknownOption(code: string, message: string): string {
  return code === 'commander.unknownOption' ? (/'(.*)'/s.exec(message)?.[1] ?? '') : ''
}
