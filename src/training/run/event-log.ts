/** The event file of a training run, for TensorBoard. */
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError } from '../../core/files.js'
import { encodeEvent, encodeFileVersion, frameRecord, type Summary } from '../../formats/tfevents-writer.js'

/** Appends to one event file of a folder, a new one each time a run is started or resumed. */
export class EventLog {
  readonly path: string
  #started = false

  readonly #now: () => number

  /** @param now wall time in seconds since 1970, which also names the file */
  constructor(folder: string, now: () => number) {
    this.#now = now
    this.path = join(folder, `events.out.tfevents.${Math.floor(now())}.diffwave`)
  }

  /** @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE` */
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
