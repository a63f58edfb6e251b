/** Writes what a model makes, as it makes it: the WAV, a picture beside it, and a line that says what it took. */

import type { WavFormat } from '../audio/codecs/wav.js'
import { namedConventions } from '../audio/mel/convention.js'
import { melSpectrogram } from '../audio/mel/mel.js'
import { drawAudio } from '../audio/picture.js'
import { writeFileBytes } from '../core/files.js'
import type { OnProgress } from '../core/progress.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import { concatenateAudio } from '../diffusion/state-queue.js'
import type { AudioStream, Synthesis } from '../synthesis/options.js'
import type { Context } from './context.js'
import { STDOUT, writeAudioTo } from './sink.js'

export interface Written {
  readonly input?: string
  /** A file, or `-` for standard output. */
  readonly output: string
  /** Opens the audio; asked once. */
  readonly open: (onProgress: OnProgress) => AudioStream | Promise<AudioStream>
  /** Seconds that the audio took before it was opened. */
  readonly spent?: number
  readonly format: WavFormat
  readonly picture: boolean
  /** What else the line of JSON should say. */
  readonly extra?: Readonly<Record<string, unknown>> | (() => Readonly<Record<string, unknown>>)
}

/** Where the picture of a WAV goes. */
export function picturePath(wavPath: string): string {
  return wavPath.replace(/\.wav$/i, '.png')
}

export async function writeAudio(context: Context, model: Denoiser, written: Written): Promise<void> {
  const { output, input, format } = written
  const start = performance.now()
  const measured = await context.withProgress(input ?? output, async onProgress => {
    const stream = await written.open(onProgress)
    const audio = new Measured(stream, written.picture)
    await writeAudioTo(output, audio.stream, { format })
    return audio
  })
  const elapsed = (performance.now() - start) / 1000 + (written.spent ?? 0)
  const { sampleRate, seed, steps } = measured.stream
  if (written.picture) await writePicture(output, model, concatenateAudio(measured.pieces), sampleRate)
  const seconds = measured.samples / sampleRate
  const realTimeFactor = elapsed / seconds
  const engine = model.engine.name
  context.result(
    `${output}: ${seconds.toFixed(2)} s of audio in ${elapsed.toFixed(2)} s, real-time factor ${realTimeFactor.toFixed(2)}, ` +
      `${engine}, ${steps} steps, seed ${seed}`,
    {
      ...(typeof written.extra === 'function' ? written.extra() : written.extra),
      input,
      output,
      seconds,
      elapsed,
      realTimeFactor,
      engine,
      steps,
      seed,
      sampleRate,
    },
    output === STDOUT,
  )
}

/** Audio that is there whole, as a stream. */
export function streamOf(synthesis: Synthesis): AudioStream {
  async function* whole(): AsyncGenerator<Float32Array, void, undefined> {
    yield synthesis.samples
  }
  const { sampleRate, seed, steps, samples } = synthesis
  return Object.assign(whole(), { sampleRate, seed, steps, length: samples.length, lookAhead: 0 })
}

/** A stream whose samples are counted, and kept where they will be drawn. */
class Measured {
  samples = 0
  readonly pieces: Float32Array[] = []
  readonly stream: AudioStream

  constructor(stream: AudioStream, keep: boolean) {
    const { sampleRate, seed, steps, length, lookAhead } = stream
    this.stream = Object.assign(this.#count(stream, keep), { sampleRate, seed, steps, length, lookAhead })
  }

  async *#count(stream: AudioStream, keep: boolean): AsyncGenerator<Float32Array, void, undefined> {
    for await (const piece of stream) {
      this.samples += piece.length
      if (keep) this.pieces.push(piece)
      yield piece
    }
  }
}

async function writePicture(output: string, model: Denoiser, samples: Float32Array, sampleRate: number): Promise<void> {
  const convention = model.config.mel ?? {
    ...namedConventions.tacotron2,
    sampleRate,
    maxFrequency: sampleRate / 2,
  }
  await writeFileBytes(
    picturePath(output),
    drawAudio(samples, sampleRate, melSpectrogram({ samples, sampleRate }, convention)),
  )
}
