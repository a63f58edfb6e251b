/** Writes the event file of a training run, for TensorBoard. */
import { appendFile } from 'node:fs/promises'
import { fileError } from '../../core/file-error.js'
import { eventFilePath } from '../../formats/run-folder.js'
import { encodeEvent, encodeFileVersion, frameRecord, type Summary } from '../../formats/tfevents-writer.js'

/** Appends to an event file in a folder. Each time a run is started or resumed, it has a new file. */
export class EventLog {
  readonly path: string
  #started = false

  readonly #now: () => number

  /** @param now wall time in seconds since 1970. The name of the file contains it, too. */
  constructor(folder: string, now: () => number) {
    this.#now = now
    this.path = eventFilePath(folder, Math.floor(now()))
  }

  /**
   * Appends summaries of a step.
   *
   * @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE`
   */
  async write(step: number, summaries: readonly Summary[]): Promise<void> {
    const records = [frameRecord(encodeEvent(this.#now(), step, summaries))]
    if (!this.#started) records.unshift(frameRecord(encodeFileVersion(this.#now())))
    this.#started = true
    try {
      await appendFile(this.path, Buffer.concat(records))
    } catch (error) {
      throw fileError(error, this.path, 'write')
    }
  }
}
