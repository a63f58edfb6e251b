/**
 * Clips generated before, in files called as `diffwave generate` does, `<label>-<seed>.wav`, or in folders called by
 * label.
 */
import { join } from 'node:path'
import { audioStem } from '../../audio/audio-files.js'
import { readAudio } from '../../audio/codecs/decode.js'
import { labelledFiles } from '../../audio/labels.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError, faultIn, throwIfAborted } from '../../core/errors.js'
import type { LeftOut } from '../recordings.js'
import { percentile } from '../statistics/moments.js'
import type { ClipAudio } from './clip-set.js'

export interface GeneratedClips {
  readonly clips: readonly ClipAudio[]
  /** In Hz: that of the first clip, to which the others are resampled. */
  readonly sampleRate: number
  readonly leftOut: readonly LeftOut[]
}

/** @throws DiffWaveError `BAD_DATA` if no clip can be read, `FILE_NOT_FOUND`, `ABORTED` */
export async function readGeneratedClips(folder: string, signal?: AbortSignal): Promise<GeneratedClips> {
  const clips: ClipAudio[] = []
  const leftOut: LeftOut[] = []
  let rate: number | null = null
  for (const { name, label } of await labelledFiles(folder, { signal })) {
    throwIfAborted(signal)
    const path = join(folder, name)
    try {
      const audio = await readAudio(path)
      rate ??= audio.sampleRate
      const { samples } = await resample(audio, rate, { signal })
      const stem = audioStem(name)
      clips.push({ name: stem, samples, label: label === '' ? (/^(.+)-\d+$/.exec(stem)?.[1] ?? '') : label })
    } catch (error) {
      throwIfAborted(signal)
      if (!(error instanceof DiffWaveError)) throw error
      leftOut.push({ file: path, reason: faultIn(path, error) })
    }
  }
  if (rate !== null) return { clips, sampleRate: rate, leftOut }
  throw new DiffWaveError('BAD_DATA', 'the folder contains no usable clip', {
    where: folder,
    got: leftOut[0] === undefined ? 'no recordings' : `${leftOut[0].file}: ${leftOut[0].reason}`,
  })
}

/** The median length of clips, in seconds. */
export function usualSeconds(clips: readonly ClipAudio[], sampleRate: number): number {
  return percentile(
    clips.map(({ samples }) => samples.length / sampleRate),
    0.5,
  )
}

/**
 * The labels of clips to evaluate: the one that is wanted, else all in turn; undefined for a model without labels, and
 * for one that draws its labels, as its clips should have them as often as the data.
 */
export function labelsInTurn(
  labels: readonly string[],
  drawsLabels: boolean,
  wanted: string | undefined,
): readonly string[] | undefined {
  if (wanted !== undefined) return [wanted]
  return labels.length > 0 && !drawsLabels ? labels : undefined
}
