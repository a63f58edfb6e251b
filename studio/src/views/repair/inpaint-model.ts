/** State of filling gaps: a recording, the stretches to remove, and the sound that fills them. */
import { batch, computed, signal } from '@preact/signals-core'
import { rateNote } from '#src/audio/rate-note'
import { decodeSound } from '../../audio/decode.js'
import { loudnessOf, playbackGain } from '../../audio/loudness.js'
import { Player } from '../../audio/player.js'
import { type Sound, secondsOf } from '../../audio/sound.js'
import type { Stage } from '../../audio/stage.js'
import { wavFile } from '../../audio/wav-file.js'
import { ownRate } from '../../audio/wav-rate.js'
import type { Gap, SourceFile, StudioBackend, StudioModel, Watch } from '../../backend/studio-backend.js'
import { SamplingChoice } from '../../components/sampling-choice.js'
import { Task } from '../../components/task.js'

/** What can be heard. */
export type RepairTrack = 'original' | 'gaps' | 'filled'

/** Shortest gap that is kept, in seconds: less is a slip of the pointer. */
const MIN_GAP = 0.002

/** Gaps in order; those that touch become one. */
export function mergedGaps(gaps: readonly Gap[]): readonly Gap[] {
  const merged: Gap[] = []
  for (const gap of [...gaps].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last !== undefined && gap.start <= last.end) {
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, gap.end) }
    } else merged.push(gap)
  }
  return merged
}

/** A sound with silence in its gaps. */
export function withGaps({ samples, sampleRate, facts }: Sound, gaps: readonly Gap[]): Sound {
  const silenced = samples.slice()
  for (const { start, end } of gaps) silenced.fill(0, Math.round(start * sampleRate), Math.round(end * sampleRate))
  return { samples: silenced, sampleRate, facts }
}

export class InpaintModel {
  readonly choice: SamplingChoice
  readonly task = new Task()
  readonly player: Player
  readonly name = signal('')
  /** The recording at its own rate, if browsers decode at that. */
  readonly recording = signal<Sound | null>(null)
  readonly gaps = signal<readonly Gap[]>([])
  readonly filled = signal<Sound | null>(null)
  readonly heard = signal<RepairTrack>('gaps')
  /** Length of a gap that is added by a button, in seconds. */
  readonly gapLength = signal<number | undefined>(0.05)
  readonly #backend: StudioBackend
  /** The file of the recording. */
  #file: Uint8Array<ArrayBuffer> = new Uint8Array(0)

  constructor(backend: StudioBackend, stage: Stage, draw: () => number) {
    this.#backend = backend
    this.choice = new SamplingChoice(draw)
    this.player = new Player(stage)
  }

  readonly withGaps = computed(() => {
    const recording = this.recording.value
    return recording === null ? null : withGaps(recording, this.gaps.value)
  })

  offer(models: readonly StudioModel[]): void {
    this.choice.offer(models, ['vocoder', 'generator'])
  }

  /** What to know of the chosen model's rate, if it is not the recording's. */
  readonly note = computed(() => {
    const [recording, model] = [this.recording.value, this.choice.model.value]
    return recording === null || model === null ? null : rateNote(recording.sampleRate, model.sampleRate)
  })

  async open(file: SourceFile): Promise<void> {
    if (this.choice.model.value === null) return
    const { name, bytes } = file
    const take = async ({ signal }: Watch) => {
      // 48,000 Hz loses nothing of what can be heard.
      const sound = await decodeSound(bytes, ownRate(bytes) ?? 48_000, { signal })
      batch(() => {
        this.name.value = name
        this.recording.value = sound
        this.#file = bytes
        this.gaps.value = []
        this.filled.value = null
        this.heard.value = 'gaps'
      })
      this.#load()
    }
    await this.task.run(take, () => this.open(file))
  }

  addGap({ start, end }: Gap): void {
    const recording = this.recording.value
    if (recording === null) return
    const gap = { start: Math.max(0, start), end: Math.min(secondsOf(recording), end) }
    if (gap.end - gap.start < MIN_GAP) return
    this.#setGaps(mergedGaps([...this.gaps.value, gap]))
  }

  /** Adds a gap where the sound stands. */
  addGapHere(): void {
    const start = this.player.position.value
    this.addGap({ start, end: start + (this.gapLength.value ?? 0.05) })
  }

  removeGap(gap: Gap): void {
    this.#setGaps(this.gaps.value.filter(other => other !== gap))
  }

  hear(track: RepairTrack): void {
    this.heard.value = track
    this.#mix()
  }

  async fill(): Promise<void> {
    const [recording, sampling, gaps] = [this.recording.value, this.choice.sampling.value, this.gaps.value]
    if (recording === null || sampling === null || gaps.length === 0) return
    const make = async (watch: Watch) => {
      const whole = wavFile(recording, '32f')
      // The service takes longer recordings of 16 bits. Of any other rate, the result would not fit the page's tracks.
      const bytes = ownRate(this.#file) !== null && this.#file.length < whole.length ? this.#file : whole
      const source = { name: this.name.value, bytes }
      const filled = await this.#backend.inpaint({ ...sampling, recording: source, gaps }, watch)
      // The gaps were changed meanwhile: their marks would not fit this sound.
      if (this.gaps.value !== gaps) return
      batch(() => {
        this.filled.value = filled
        this.heard.value = 'filled'
      })
      this.#load()
    }
    await this.task.run(make, () => this.fill())
  }

  #setGaps(gaps: readonly Gap[]): void {
    batch(() => {
      this.gaps.value = gaps
      this.filled.value = null
      if (this.heard.value === 'filled') this.heard.value = 'gaps'
    })
    this.#load()
  }

  #load(): void {
    const tracks = new Map<RepairTrack, Sound>()
    const [recording, gaps, filled] = [this.recording.value, this.withGaps.value, this.filled.value]
    if (recording !== null) tracks.set('original', recording)
    if (gaps !== null) tracks.set('gaps', gaps)
    if (filled !== null) tracks.set('filled', filled)
    this.#mix()
    this.player.setTracks(tracks)
  }

  #mix(): void {
    const recording = this.recording.value
    if (recording !== null) this.player.solo(this.heard.value, playbackGain(loudnessOf(recording.samples)))
  }
}
