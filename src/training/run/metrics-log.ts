/**
 * Writes `metrics.jsonl`, which has one line of JSON per event. When a run is resumed, events after the checkpoint's
 * step are removed.
 */
import { createReadStream } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileError } from '../../core/file-error.js'
import { kindOfPath } from '../../core/path-kind.js'
import { writeFilePieces } from '../../core/write-file.js'
import { metricsPath } from '../../formats/run-folder.js'

/** Number of characters that are written at a time. */
const PIECE = 2 ** 16

/**
 * Appends one event.
 *
 * @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE`
 */
export async function appendMetrics(folder: string, event: Readonly<Record<string, unknown>>): Promise<void> {
  const path = metricsPath(folder)
  try {
    await appendFile(path, `${JSON.stringify(event)}\n`)
  } catch (error) {
    throw fileError(error, path, 'write')
  }
}

/**
 * Removes events after a step, and a last line that was written only in part.
 *
 * @throws DiffWaveError `NOT_READABLE`, `NOT_A_FILE`, `NOT_WRITABLE`, `DISK_FULL`
 */
export async function cutMetrics(folder: string, step: number): Promise<void> {
  const path = metricsPath(folder)
  if ((await kindOfPath(path)) === 'missing') return
  await writeFilePieces(path, keptLines(path, step))
}

/** Reads the lines of events up to a step, in pieces: the log of a long run can be longer than a string can be. */
async function* keptLines(path: string, step: number): AsyncGenerator<Uint8Array, void, undefined> {
  let kept = ''
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      if (!isUpTo(line, step)) continue
      kept += `${line}\n`
      if (kept.length < PIECE) continue
      yield Buffer.from(kept)
      kept = ''
    }
  } catch (error) {
    throw fileError(error, path, 'read')
  }
  yield Buffer.from(kept)
}

function isUpTo(line: string, step: number): boolean {
  try {
    return (JSON.parse(line) as { step: number }).step <= step
  } catch {
    return false
  }
}
