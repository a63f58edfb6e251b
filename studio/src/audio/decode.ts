/** Bytes of an audio file as samples, decoded and resampled by the browser. */
import { StudioProblem } from '../core/problem.js'
import type { Facts, Sound } from './sound.js'

/**
 * Decodes a file. At the file's own rate the samples of a WAV come back as they are.
 *
 * @param sampleRate of the result, in Hz
 * @param options the facts of the sound, and a signal: nobody wants the sound any more once it has fired
 * @throws StudioProblem if the browser cannot read the file; an `AbortError` if the signal has fired meanwhile
 */
export async function decodeSound(
  bytes: Uint8Array<ArrayBuffer>,
  sampleRate: number,
  { facts = {}, signal }: { readonly facts?: Facts; readonly signal?: AbortSignal } = {},
): Promise<Sound> {
  const context = new OfflineAudioContext(1, 1, sampleRate)
  // The buffer is taken from its owner, so that a copy is decoded.
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const decoded = await context.decodeAudioData(copy).catch(() => {
    throw new StudioProblem({
      code: 'UNSUPPORTED_FORMAT',
      title: 'The browser cannot read this file as a recording.',
      expected: 'WAV, FLAC, MP3, Ogg Vorbis or Opus',
      hint: 'Convert it to WAV.',
    })
  })
  // The browser cannot stop decoding. A large file would take the place of one that was opened after it.
  signal?.throwIfAborted()
  const samples = new Float32Array(decoded.length)
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const data = decoded.getChannelData(channel)
    for (let i = 0; i < samples.length; i++) samples[i]! += data[i]! / decoded.numberOfChannels
  }
  return { samples, sampleRate, facts }
}
