/** How a run ends early: by a signal, by a reader that leaves, or by an output that is full. */
import { isatty } from 'node:tty'
import { DiffWaveError } from '../core/errors.js'
import { removeEmptyFolders, watchMadeFolders } from '../core/made-folders.js'
import { undoAll } from '../core/sudden-end.js'
import { systemCode } from '../core/system-code.js'
import type { GlobalOptions } from './context.js'
import { FAILED, signalStatus } from './exit.js'
import { printError } from './print-error.js'
import { jsonLine } from './text.js'

type Signal = keyof typeof signalStatus

/**
 * Watches the process. Every early end aborts the work first, so that temporary files are removed and a training run is
 * saved:
 * - SIGINT, SIGTERM, SIGHUP: status 128 + signal; a second signal ends the process at once. SIGINT itself ends the
 *   process in the end, and so does any signal if the terminal is gone; shells report the same status.
 * - The reader of standard output leaves, as `| head` does: quietly, status 0. A pipe that is written by its name ends
 *   the run in the same way (`run`).
 * - Standard output cannot be written, because the disk is full for example: an error, status 1.
 *
 * A run that fails, in whatever way, leaves no empty folders of its own.
 *
 * If standard error cannot be written, the work goes on and only its messages are lost.
 */
export class Ending {
  readonly #stop = new AbortController()
  readonly #options: Pick<GlobalOptions, 'json' | 'debug'>
  #signal: Signal | null = null
  #readerLeft = false
  #outputFailed = false

  constructor(options: Pick<GlobalOptions, 'json' | 'debug'>) {
    this.#options = options
    watchMadeFolders()
    for (const signal of Object.keys(signalStatus) as Signal[]) {
      process.on(signal, () => {
        if (this.#signal !== null) this.#exitBy(signal)
        this.#signal = signal
        this.#stop.abort(new Error(signal))
      })
    }
    process.stdout.on('error', error => this.#outputError(error))
    process.stderr.on('error', () => {})
    process.on('exit', () => {
      if (this.#outputFailed) process.exitCode = FAILED
      if (process.exitCode !== 0) removeEmptyFolders()
    })
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Ends the process if it was stopped early: the error that was caught is then only a consequence. */
  exitIfEarly(): void {
    if (this.#signal !== null) {
      this.#exitBy(this.#signal)
    }
    if (this.#readerLeft) process.exit(0)
    if (this.#outputFailed) process.exit(FAILED)
  }

  #exitBy(signal: Signal): never {
    const line = this.#options.json ? jsonLine({ error: `stopped by ${signal}`, code: 'ABORTED' }) : 'stopped'
    process.stderr.write(`${line}\n`)
    exitBy(signal)
  }

  #outputError(error: Error): void {
    if (systemCode(error) === 'EPIPE') this.#readerLeft = true
    else if (!this.#outputFailed) {
      this.#outputFailed = true
      const full = ['ENOSPC', 'EDQUOT'].includes(systemCode(error))
      printError(
        full
          ? new DiffWaveError('DISK_FULL', 'the disk is full', { where: 'standard output', cause: error })
          : new DiffWaveError('NOT_WRITABLE', `the output cannot be written: ${error.message}`, {
              where: 'standard output',
              cause: error,
            }),
        this.#options,
      )
    }
    this.#stop.abort(error)
  }
}

/** Ends the process with a signal's status, as shells report it. */
function exitBy(signal: Signal): never {
  // After a second signal, the work has no time left to clean up.
  undoAll()
  // On exit, Node restores the settings of the terminal that it started on, and aborts with a core dump if that
  // terminal was closed (an assertion in node::ResetStdio). Dying of the signal leaves that out.
  const lost = [process.stdin, process.stdout, process.stderr].some(({ isTTY, fd }) => isTTY && !isatty(fd))
  // On Ctrl-C, a shell ends its script or loop only if the command dies of the signal.
  const isInterrupted = signal === 'SIGINT' && process.platform !== 'win32'
  if (lost || isInterrupted) {
    removeEmptyFolders()
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  }
  process.exit(signalStatus[signal])
}
