/** `metrics.jsonl`: one line of JSON an event, cut back to the checkpoint's step when a run is resumed. */
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError, kindOfPath, writeFileBytes } from '../../core/files.js'

const FILE = 'metrics.jsonl'

/** Appends one event. @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE` */
export async function appendMetrics(folder: string, event: Readonly<Record<string, unknown>>): Promise<void> {
  const path = join(folder, FILE)
  try {
    await appendFile(path, `${JSON.stringify(event)}\n`)
  } catch (error) {
    throw fileError(error, path, 'write')
  }
}

/** Drops events after a step, and a last line that was half written. */
export async function cutMetrics(folder: string, step: number): Promise<void> {
  const path = join(folder, FILE)
  if ((await kindOfPath(path)) === 'missing') return
  const kept = (await readFile(path, 'utf8')).split('\n').filter(line => {
    try {
      return (JSON.parse(line) as { step: number }).step <= step
    } catch {
      return false
    }
  })
  await writeFileBytes(path, kept.map(line => `${line}\n`).join(''))
}
