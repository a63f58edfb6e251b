/** Writes what a model made: the WAV, a picture beside it, and a line that says what it took. */
import { namedConventions } from '../audio/convention.js'
import { melSpectrogram } from '../audio/mel.js'
import { drawAudio } from '../audio/picture.js'
import { type WavFormat, writeWav } from '../audio/wav.js'
import { writeFileBytes } from '../files.js'
import type { Model } from '../model.js'
import type { Synthesis } from '../synthesis-options.js'
import type { Context } from './context.js'

export interface Written {
  readonly input?: string
  readonly output: string
  readonly synthesis: Synthesis
  /** Time it took, seconds. */
  readonly elapsed: number
  readonly format: WavFormat
  readonly picture: boolean
  /** What else the line of JSON should say. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** Where the picture of a WAV goes. */
export function picturePath(wavPath: string): string {
  return wavPath.replace(/\.wav$/i, '.png')
}

export async function writeAudio(context: Context, model: Model, written: Written): Promise<void> {
  const { output, synthesis, elapsed, format } = written
  const { samples, sampleRate, seed, steps } = synthesis
  await writeWav(output, { samples, sampleRate }, { format })
  if (written.picture) {
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
  const seconds = samples.length / sampleRate
  const realTimeFactor = elapsed / seconds
  const engine = model.engine.name
  context.result(
    `${output}: ${seconds.toFixed(2)} s of audio in ${elapsed.toFixed(2)} s, real-time factor ${realTimeFactor.toFixed(2)}, ` +
      `${engine}, ${steps} steps, seed ${seed}`,
    {
      ...written.extra,
      input: written.input,
      output,
      seconds,
      elapsed,
      realTimeFactor,
      engine,
      steps,
      seed,
      sampleRate,
    },
  )
}
