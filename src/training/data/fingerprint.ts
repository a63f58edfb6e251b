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

/**
 * Computes the fingerprint, which is the same on every system.
 *
 * @returns hexadecimal digits
 */
export function fingerprint(
  { sampleRate, minSamples, validationShare, speeds }: CheckedDatasetOptions,
  recordings: readonly UsedRecording[],
): string {
  const hash = createHash('sha256').update(`${sampleRate} ${minSamples} ${validationShare} ${speeds}\n`)
  for (const { name, label, contents, mel } of recordings) {
    hash.update(`${portablePath(name)}\n${labelText(label).normalize('NFC')}\n`).update(contents)
    if (mel !== null) hash.update(float32Bytes(mel.data))
  }
  return hash.digest('hex')
}
