/** Reads recordings, with notes on what is odd about their files. */
import type { Recording } from '../../audio/audio.js'
import { readAudio } from '../../audio/codecs/decode.js'
import type { Context } from '../context.js'
import type { Input } from './inputs.js'

/** @throws DiffWaveError as `readAudio` */
export async function readRecording(
  context: Context,
  { name, path }: Pick<Input, 'name' | 'path'>,
): Promise<Recording> {
  const recording = await readAudio(path)
  for (const note of recording.notes) context.note(`${name}: ${note}`)
  return recording
}

/** Notes that a result has fewer channels than its recording, or another sample rate. */
export function noteConversion(
  context: Context,
  name: string,
  { channels, sampleRate }: Recording,
  resultRate: number,
): void {
  if (channels > 1) context.note(`${name} was mixed down from ${channels} channels to one`)
  if (sampleRate !== resultRate) context.note(`${name} was resampled from ${sampleRate} to ${resultRate} Hz`)
}
