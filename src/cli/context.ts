/** The surroundings of a command: where to print and when to stop. Only src/cli knows the terminal and the process. */
import type { Progress } from '../core/progress.js'
import { colours } from './colours.js'
import { withGivenNames } from './inputs/given-names.js'
import type { OptionSpecs } from './option-spec.js'
import { progressLine, terminalColumns } from './progress-line.js'
import { jsonLine, printable } from './text.js'

/** Called as work goes on; `stage` says what is being done, if not all of the work is alike. */
export type ReportProgress = (progress: Progress & { readonly stage?: string }) => void

/** The options that every command takes. */
export interface GlobalOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly debug: boolean
}

/** Where a command prints, and when it stops. */
export class Context {
  readonly signal: AbortSignal
  readonly json: boolean
  readonly quiet: boolean
  readonly debug: boolean
  /** The options of the command, which errors name. */
  readonly options: OptionSpecs

  constructor(signal: AbortSignal, { json, quiet, debug }: GlobalOptions, options: OptionSpecs) {
    this.options = options
    this.signal = signal
    this.json = json
    this.quiet = quiet
    this.debug = debug
  }

  /**
   * Prints a result: lines of text, or with `--json` the value as one line of JSON.
   *
   * @param aside whether stdout carries audio or a mel, so that the result goes to stderr
   */
  result(lines: string | readonly string[], value: unknown, aside = false): void {
    const stream = aside ? process.stderr : process.stdout
    if (this.json) stream.write(`${jsonLine(value)}\n`)
    else if (!this.quiet) {
      for (const line of typeof lines === 'string' ? [lines] : lines) stream.write(`${printable(line)}\n`)
    }
  }

  /** Prints something worth knowing that is not a result, to stderr. */
  note(words: string): void {
    if (this.quiet) return
    const text = withGivenNames(words)
    if (this.json) process.stderr.write(`${jsonLine({ note: text })}\n`)
    else process.stderr.write(`${colours.dim('note:')} ${printable(text)}\n`)
  }

  /**
   * Runs work under a progress bar, which is shown only on a terminal.
   *
   * @param label what is done, until the work reports a stage of its own
   */
  async withProgress<T>(label: string, work: (report: ReportProgress) => Promise<T>): Promise<T> {
    if (!process.stderr.isTTY || this.json || this.quiet) return work(() => {})
    // A package of its own, which only terminals need.
    const { default: cliProgress } = await import('cli-progress')
    const bar = new cliProgress.SingleBar(
      {
        format: (options, { progress, eta }, { label: text }: { readonly label: string }) =>
          progressLine(
            text,
            width => cliProgress.Format.BarFormat(progress, { ...options, barsize: width }),
            `${Math.floor(progress * 100)}% ${cliProgress.Format.TimeFormat(eta, options, 5)}`,
            terminalColumns(),
          ),
        stream: process.stderr,
        clearOnComplete: true,
        hideCursor: true,
      },
      cliProgress.Presets.shades_classic,
    )
    bar.start(1, 0, { label: printable(label) })
    try {
      return await work(({ done, total, stage = label }) =>
        bar.update(total === null ? 0 : done / total, { label: printable(stage) }),
      )
    } finally {
      bar.stop()
    }
  }
}
