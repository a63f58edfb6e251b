/** Recordings and mels from the files that views hand over. */
import type { Audio } from '#src/audio/audio'
import { decodeWav } from '#src/audio/codecs/wav'
import { checkMelFor } from '#src/audio/mel/check-mel'
import type { Mel, MelConvention } from '#src/audio/mel/convention'
import { coveredSamples, melSpectrogram } from '#src/audio/mel/mel'
import { resample } from '#src/audio/resample'
import { DiffWaveError } from '#src/core/errors'
import { decodeMel } from '#src/formats/mel-tensor'
import { looksLikeTensors } from '#src/formats/tensor-file'
import type { EngineFile } from './protocol.js'

/** Longest recording, in seconds: a page makes a second of sound in about a second. */
const MAX_SECONDS = 60

/** A recording at its own rate. @throws DiffWaveError `TOO_LARGE`, and as `decodeWav` */
export function recordingOf(file: EngineFile): Audio {
  const audio = 'samples' in file ? file : decodeWav(file.bytes, file.name)
  const seconds = audio.samples.length / audio.sampleRate
  if (seconds <= MAX_SECONDS) return audio
  throw new DiffWaveError('TOO_LARGE', 'the recording is too long for a page without a server', {
    expected: `at most ${MAX_SECONDS} s`,
    got: `${seconds.toFixed(1)} s`,
    hint: 'Use a part of it, or run `diffwave studio` on your own machine.',
  })
}

/** A recording at a rate in Hz. @throws DiffWaveError as `decodeWav` */
export async function recordingAt(file: EngineFile, sampleRate: number): Promise<Float32Array<ArrayBuffer>> {
  return (await resample(recordingOf(file), sampleRate)).samples as Float32Array<ArrayBuffer>
}

/** What a vocoder is to make audio of. */
export interface VocoderInput {
  readonly mel: Mel
  /** At the model's rate; `null` if the file was a mel. */
  readonly recording: Float32Array<ArrayBuffer> | null
  /** Samples of the result. */
  readonly length: number
}

/** @throws DiffWaveError as `decodeMel` and `decodeWav` */
export async function vocoderInput(file: EngineFile, convention: MelConvention): Promise<VocoderInput> {
  const { sampleRate, bands, hop } = convention
  if ('bytes' in file && looksLikeTensors(file.bytes)) {
    const { mel } = decodeMel(file.bytes, { bands }, file.name)
    checkMelFor(mel, convention, file.name)
    return { mel, recording: null, length: mel.frames * hop }
  }
  const recording = await recordingAt(file, sampleRate)
  const mel = melSpectrogram({ samples: recording, sampleRate }, convention)
  return { mel, recording, length: coveredSamples(recording.length, mel, convention) }
}
