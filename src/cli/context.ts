/** What every command is handed: where to print, when to stop. Only src/cli knows the terminal and the process. */
import cliProgress from 'cli-progress'
import { DiffWaveError } from '../core/errors.js'
import type { OnProgress } from '../core/progress.js'
import { colours } from './colours.js'

/** Options that every command takes. */
export interface CommonOptions {
  readonly json?: boolean
  readonly quiet?: boolean
}

/** A command's surroundings. */
export class Context {
  constructor(
    readonly signal: AbortSignal,
    readonly json: boolean,
    readonly quiet: boolean,
  ) {}

  /**
   * A result: a line of text, or with `--json` the value as one line of JSON.
   *
   * @param aside stdout carries audio: the line goes to stderr
   */
  result(line: string, value: unknown, aside = false): void {
    const stream = aside ? process.stderr : process.stdout
    if (this.json) stream.write(`${JSON.stringify(value)}\n`)
    else if (!this.quiet) stream.write(`${line}\n`)
  }

  /** Something worth knowing that is no result: to stderr. */
  note(text: string): void {
    if (!this.quiet) process.stderr.write(`${colours.dim('note:')} ${text}\n`)
  }

  /** Runs work under a progress bar, which is shown only on a terminal. */
  async withProgress<T>(label: string, work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
    if (!process.stderr.isTTY || this.json || this.quiet) return work(() => {})
    const bar = new cliProgress.SingleBar(
      {
        format: `${label} {bar} {percentage}% {eta_formatted}`,
        stream: process.stderr,
        clearOnComplete: true,
        hideCursor: true,
      },
      cliProgress.Presets.shades_classic,
    )
    bar.start(1, 0)
    try {
      return await work(({ done, total }) => bar.update(total === null ? 0 : done / total))
    } finally {
      bar.stop()
    }
  }
}

/** Prints an error as one line and its hint as another; with `debug` its stack and causes, too. */
export function printError(error: unknown, debug: boolean): void {
  const known = error instanceof DiffWaveError
  const code = known ? error.code : 'INTERNAL'
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`${colours.red(`error[${code}]:`)} ${message.replaceAll('\n', ' ')}\n`)
  if (known && error.hint) process.stderr.write(`${colours.cyan('hint:')} ${error.hint}\n`)
  if (!known)
    process.stderr.write(`${colours.cyan('hint:')} This is a fault of diffwave itself; --debug shows where.\n`)
  if (debug && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ''}\n`)
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
      process.stderr.write(`cause: ${cause.stack}\n`)
  }
}
