/** The fingerprint of a data set: a resumed run must have the recordings that it was started with. */
import { createHash } from 'node:crypto'
import { type Label, partsOf } from '../../audio/labels.js'
import { portablePath } from '../../core/folder.js'
import { float32Bytes } from '../../formats/numbers.js'
import type { CheckedDatasetOptions } from './dataset-options.js'
import type { Found } from './find-recordings.js'
import type { ReadRecording } from './recording.js'

/** A recording that is used. */
export interface UsedRecording extends Found, Pick<ReadRecording, 'contents' | 'mel'> {}

/** Writes the classes of a recording as text. */
function labelText(label: Label): string {
  return partsOf(label)
    .map(part => (part.from === 0 ? part.label : `${part.from} ${part.label}`))
    .join('\n')
}

/** Writes a recording's name and classes as this system has them. */
function asHere({ name, label }: UsedRecording): string {
  return `${name}\n${labelText(label)}\n`
}

/** Writes a recording's name and classes as every system does. */
function portable({ name, label }: UsedRecording): string {
  return `${portablePath(name)}\n${labelText(label).normalize('NFC')}\n`
}

/** Computes the fingerprint that is the same on every system. @returns hexadecimal digits */
export function fingerprint(options: CheckedDatasetOptions, recordings: readonly UsedRecording[]): string {
  return fingerprintOf(options, recordings, portable)
}

/** @param write writes a recording's name and classes */
function fingerprintOf(
  { sampleRate, minSamples, validationShare, speeds }: CheckedDatasetOptions,
  recordings: readonly UsedRecording[],
  write: (recording: UsedRecording) => string,
): string {
  const hash = createHash('sha256').update(`${sampleRate} ${minSamples} ${validationShare} ${speeds}\n`)
  for (const recording of recordings) {
    const { contents, mel } = recording
    hash.update(write(recording)).update(contents)
    if (mel !== null) hash.update(float32Bytes(mel.data))
  }
  return hash.digest('hex')
}

/**
 * Computes the fingerprint of earlier versions, which took names and their order as the system has them.
 *
 * @returns undefined if it is the present one
 */
export function formerFingerprint(
  options: CheckedDatasetOptions,
  recordings: readonly UsedRecording[],
): string | undefined {
  if (recordings.every(recording => asHere(recording) === portable(recording))) return undefined
  const place = new Map(options.folders.map((folder, i) => [folder, i]))
  const sorted = recordings.toSorted(
    (one, other) => place.get(one.folder)! - place.get(other.folder)! || (one.name < other.name ? -1 : 1),
  )
  return fingerprintOf(options, sorted, asHere)
}
