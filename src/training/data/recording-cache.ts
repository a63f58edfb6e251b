/**
 * Keeps resampled recordings for the next start of a run: one file for each recording, speed and sample rate. A file is
 * named by the contents of its recording and by what decoded and resampled it, so it is never out of date.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { lstat, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { makeFolder } from '../../core/make-folder.js'
import { readFileBytes } from '../../core/read-file.js'
import { writeFileBytes } from '../../core/write-file.js'

/** A recording that was resampled in an earlier run. */
export interface KeptRecording {
  /** Original sample rate of the recording in Hz. */
  readonly sampleRate: number
  /** 16-bit samples at the wanted sample rate. */
  readonly samples: Int16Array
}

/** Number of bytes before the samples of a file: the original sample rate and the number of samples, both uint32. */
const HEADER = 8
/** Names of the files in the cache. */
const OWN_FILE = /^[0-9a-f]{64}-[\d.]+-\d+-[0-9a-f]{8}\.clip$/
/** Version of the samples that this package's decoders and resampler make. A test fails if they change without it. */
const SAMPLES_VERSION = 1
/** Packages that decode and resample. */
const PACKAGES = ['@alexanderolsen/libsamplerate-js', 'mpg123-decoder', 'opus-decoder', 'wavefile']

/**
 * Identifies the code that decodes and resamples recordings.
 *
 * @param isOwn whether a function of the caller decodes. Two such functions cannot be told apart
 */
export function codeStamp(isOwn: boolean): string {
  const text = [SAMPLES_VERSION, isOwn, ...PACKAGES.map(versionOf)].join('\n')
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

/** Finds the version of an installed package; empty if it is missing, or if its code is in a bundle. */
function versionOf(name: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    try {
      const { version } = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as { version?: unknown }
      return String(version)
    } catch {
      // It lies in a folder further up, or nowhere.
    }
  }
  return ''
}

/**
 * Makes the name of the file for a recording.
 *
 * @param contents SHA-256 of the recording's file, as hexadecimal digits
 * @param speed speed at which the recording is played
 * @param sampleRate sample rate of the kept samples in Hz
 * @param stamp `codeStamp`
 */
export function cacheFile(contents: string, speed: number, sampleRate: number, stamp: string): string {
  return `${contents}-${speed}-${sampleRate}-${stamp}.clip`
}

/** Reads a file of the cache. Null if it is missing, damaged or unreadable: the caller then makes it again. */
export async function readKept(folder: string, name: string): Promise<KeptRecording | null> {
  const bytes = await readFileBytes(join(folder, name)).catch(() => null)
  if (bytes === null || bytes.length < HEADER) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint32(4, true)
  if (bytes.length !== HEADER + 2 * count) return null
  const samples = new Int16Array(count)
  for (let i = 0; i < count; i++) samples[i] = view.getInt16(HEADER + 2 * i, true)
  return { sampleRate: view.getUint32(0, true), samples }
}

/**
 * Writes a file of the cache.
 *
 * @throws DiffWaveError the errors of `makeFolder` and `writeFileBytes`
 */
export async function keep(folder: string, name: string, { sampleRate, samples }: KeptRecording): Promise<void> {
  const view = new DataView(new ArrayBuffer(HEADER + 2 * samples.length))
  view.setUint32(0, sampleRate, true)
  view.setUint32(4, samples.length, true)
  for (let i = 0; i < samples.length; i++) view.setInt16(HEADER + 2 * i, samples[i]!, true)
  await makeFolder(folder)
  await writeFileBytes(join(folder, name), new Uint8Array(view.buffer))
}

/**
 * Removes files of the cache that the present recordings and settings do not need. If the folder is a link, nothing is
 * removed, as other runs may use the same cache.
 *
 * @param needed names of the files that are needed
 */
export async function removeUnneeded(folder: string, needed: ReadonlySet<string>): Promise<void> {
  const isOwn = await lstat(folder).then(
    status => status.isDirectory(),
    () => false,
  )
  if (!isOwn) return
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile() || !OWN_FILE.test(entry.name) || needed.has(entry.name)) continue
    // A file that cannot be removed does no harm: it only takes disk space.
    await rm(join(folder, entry.name), { force: true }).catch(() => {})
  }
}
