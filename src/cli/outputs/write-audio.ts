/** Writes what a model makes, as it makes it: the WAV, a picture beside it, and a line that says what it took. */
import { basename } from 'node:path'
import type { WavFormat } from '../../audio/codecs/wav-bytes.js'
import { namedConventions } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { concatenateAudio } from '../../core/concatenate.js'
import type { OnProgress } from '../../core/progress.js'
import { writeFileBytes } from '../../core/write-file.js'
import type { Denoiser } from '../../denoiser/denoiser.js'
import type { AudioStream, Synthesis } from '../../synthesis/result.js'
import type { Context } from '../context.js'
import { stepCount } from '../text.js'
import { STDOUT, writeAudioTo } from './sink.js'

export interface Written {
  /** Name of the input, if there is one. */
  readonly input?: string
  /** A file, or `-` for standard output. */
  readonly output: string
  /** Opens the audio; called once. */
  readonly open: (onProgress: OnProgress) => AudioStream | Promise<AudioStream>
  /** Seconds that the audio took before it was opened. */
  readonly spent?: number
  readonly format: WavFormat | undefined
  readonly picture: boolean | undefined
  /** What else the line of JSON should say; called once the audio is written. */
  readonly extra?: () => Readonly<Record<string, unknown>>
}

/** Share of clipped samples above which a note is printed: peaks that clip now and then stay far below it. */
const CLIPPED_SHARE = 0.01

/** Where the picture of a WAV goes. */
export function picturePath(wavPath: string): string {
  return wavPath.replace(/\.wav$/i, '.png')
}

export async function writeAudio(context: Context, model: Denoiser, written: Written): Promise<void> {
  const { output, input, picture = false, format = '16' } = written
  const start = performance.now()
  const audio = await context.withProgress(input ?? output, async report => {
    const stream = await written.open(report)
    const counted = new CountedStream(stream, picture)
    await writeAudioTo(output, counted.stream, { format }, context.signal)
    return counted
  })
  const elapsed = (performance.now() - start) / 1000 + (written.spent ?? 0)
  const { sampleRate, seed, steps } = audio.stream
  if (picture) await writePicture(output, model, audio.pieces, sampleRate)
  const seconds = audio.samples / sampleRate
  const realTimeFactor = elapsed / seconds
  const clippedShare = audio.samples === 0 ? 0 : audio.clipped / audio.samples
  const engine = model.engine.name
  if (clippedShare > CLIPPED_SHARE) {
    context.note(
      `${output}: ${(100 * clippedShare).toFixed(1)} % of the samples are clipped` +
        (model.config.kind === 'vocoder' ? '; is the mel of the model’s convention?' : ''),
    )
  }
  context.result(
    `${output}: ${seconds.toFixed(2)} s of audio in ${elapsed.toFixed(2)} s, ` +
      `real-time factor ${realTimeFactor.toFixed(2)}, ${engine}, ${stepCount(steps)}, seed ${seed}`,
    {
      ...written.extra?.(),
      input,
      output,
      seconds,
      elapsed,
      realTimeFactor,
      clippedShare,
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
  async function* whole(): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
    yield synthesis.samples
  }
  const { sampleRate, seed, steps, samples } = synthesis
  return Object.assign(whole(), { sampleRate, seed, steps, length: samples.length, lookAhead: 0 })
}

/** A stream whose samples are counted, and kept if they will be drawn. */
class CountedStream {
  samples = 0
  /** Samples beyond full scale, which the WAV holds at full scale. */
  clipped = 0
  readonly pieces: Float32Array[] = []
  readonly stream: AudioStream

  constructor(stream: AudioStream, keep: boolean) {
    const { sampleRate, seed, steps, length, lookAhead } = stream
    this.stream = Object.assign(this.#count(stream, keep), { sampleRate, seed, steps, length, lookAhead })
  }

  async *#count(stream: AudioStream, keep: boolean): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
    for await (const piece of stream) {
      this.samples += piece.length
      for (const sample of piece) if (sample > 1 || sample < -1) this.clipped++
      if (keep) this.pieces.push(piece)
      yield piece
    }
  }
}

async function writePicture(output: string, { config }: Denoiser, pieces: readonly Float32Array[], sampleRate: number) {
  // Loaded here, because the PNG encoder is a package of 14 files and few calls ask for a picture.
  const { drawAudio } = await import('../../audio/picture.js')
  const samples = concatenateAudio(pieces)
  const convention = config.mel ?? { ...namedConventions.tacotron2, sampleRate, maxFrequency: sampleRate / 2 }
  const mel = melSpectrogram({ samples, sampleRate }, convention)
  const title = `${basename(output)}, ${sampleRate} Hz`
  await writeFileBytes(picturePath(output), drawAudio(samples, sampleRate, mel, { convention, title }))
}
