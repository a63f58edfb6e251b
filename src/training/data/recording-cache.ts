/**
 * Resampled recordings that a run keeps for its next start: one file for each recording, speed and sample rate. A file
 * is named by the contents of its recording, so it is never out of date.
 */
import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { kindOfPath, makeFolder, readFileBytes, writeFileBytes } from '../../core/files.js'

/** A recording that was resampled before. */
export interface KeptRecording {
  /** Its own rate in Hz. */
  readonly sampleRate: number
  /** 16-bit samples at the rate wanted. */
  readonly samples: Int16Array
}

/** Bytes before the samples of a file: the recording's own rate and the number of samples (uint32). */
const HEADER = 8
/** Files that this version and earlier ones (`.pcm`) wrote. */
const OWN_FILE = /^[0-9a-f]{64}(-[\d.]+){1,2}\.(clip|pcm)$/

/** Where a run keeps resampled recordings. */
export function cacheFolder(out: string): string {
  return join(out, 'cache')
}

/**
 * Name of the file of a recording.
 *
 * @param contents SHA-256 of the recording's file, as hexadecimal digits
 * @param speed at which it is played
 * @param sampleRate Hz
 */
export function cacheFile(contents: string, speed: number, sampleRate: number): string {
  return `${contents}-${speed}-${sampleRate}.clip`
}

/** Reads a file of the cache; null if there is none, or it is damaged or cannot be read, so that it is made again. */
export async function readKept(folder: string, name: string): Promise<KeptRecording | null> {
  const path = join(folder, name)
  const bytes = (await kindOfPath(path)) === 'file' ? await readFileBytes(path).catch(() => null) : null
  if (bytes === null || bytes.length < HEADER) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint32(4, true)
  if (bytes.length !== HEADER + 2 * count) return null
  const samples = new Int16Array(count)
  for (let i = 0; i < count; i++) samples[i] = view.getInt16(HEADER + 2 * i, true)
  return { sampleRate: view.getUint32(0, true), samples }
}

/** Writes a file of the cache. @throws DiffWaveError as `makeFolder` and `writeFileBytes` */
export async function keep(folder: string, name: string, { sampleRate, samples }: KeptRecording): Promise<void> {
  const view = new DataView(new ArrayBuffer(HEADER + 2 * samples.length))
  view.setUint32(0, sampleRate, true)
  view.setUint32(4, samples.length, true)
  for (let i = 0; i < samples.length; i++) view.setInt16(HEADER + 2 * i, samples[i]!, true)
  await makeFolder(folder)
  await writeFileBytes(join(folder, name), new Uint8Array(view.buffer))
}

/**
 * Removes what the cache wrote and the present recordings and settings do not need. Nothing is removed through a link,
 * behind which other runs may have their cache, too.
 *
 * @param needed names of files
 */
export async function removeUnneeded(folder: string, needed: ReadonlySet<string>): Promise<void> {
  const isOwn = await lstat(folder).then(
    status => status.isDirectory(),
    () => false,
  )
  if (!isOwn) return
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile() || !OWN_FILE.test(entry.name) || needed.has(entry.name)) continue
    // A file that cannot be removed only takes room.
    await rm(join(folder, entry.name), { force: true }).catch(() => {})
  }
}
