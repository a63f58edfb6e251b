/** State of the reverse process: its steps as they are made, the one that is seen, and which of its sounds is heard. */
import { batch, computed, signal } from '@preact/signals-core'
import { loudnessOf, playbackGain } from '../../audio/loudness.js'
import { Player } from '../../audio/player.js'
import type { Sound } from '../../audio/sound.js'
import type { Stage } from '../../audio/stage.js'
import type { ProcessOrder, ProcessStep, StudioBackend } from '../../backend/studio-backend.js'
import { Task } from '../../components/task.js'

/** What of a step can be heard. */
export type Part = 'x' | 'clean' | 'noise' | 'kept'

/** A result that is kept beside the next ones. */
export interface KeptRun {
  readonly title: string
  readonly sound: Sound
}

/** A step as shown; the start has only x. */
export interface ShownStep {
  readonly title: string
  /** Training step; `null` for the finished sound. */
  readonly t: number | null
  /** √(1 − ᾱ) of x. */
  readonly noiseLevel: number
  readonly x: Sound
  readonly clean: Sound | null
  readonly noise: Sound | null
}

/** Milliseconds that each step is shown when the process is played as a film. */
const FILM_MILLISECONDS = 700

function orderTitle({ model, steps, sampler, seed }: ProcessOrder, made: number, drawn: number): string {
  const parts = [model, `${steps ?? made} steps`, ...(sampler === undefined ? [] : [sampler]), `seed ${seed ?? drawn}`]
  return parts.join(', ')
}

export class ReverseModel {
  readonly task = new Task()
  readonly player: Player
  readonly start = signal<Sound | null>(null)
  readonly steps = signal<readonly ProcessStep[]>([])
  readonly result = signal<Sound | null>(null)
  /** 0: the noise that the process starts from; n: after step n. */
  readonly selected = signal(0)
  readonly part = signal<Part>('x')
  readonly kept = signal<KeptRun | null>(null)
  /** What made the steps that are shown. */
  readonly title = signal('')
  readonly filming = signal(false)
  readonly #backend: StudioBackend
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(backend: StudioBackend, stage: Stage) {
    this.#backend = backend
    this.player = new Player(stage)
  }

  /** The start and every step. */
  readonly shown = computed<readonly ShownStep[]>(() => {
    const start = this.start.value
    if (start === null) return []
    const steps = this.steps.value
    const first = steps[0]
    return [
      {
        title: 'start',
        t: first?.t ?? null,
        noiseLevel: first?.inputNoiseLevel ?? 1,
        x: start,
        clean: null,
        noise: null,
      },
      ...steps.map(({ index, noiseLevel, x, clean, noise }) => ({
        title: `step ${index + 1}`,
        t: steps[index + 1]?.t ?? null,
        noiseLevel,
        x,
        clean,
        noise,
      })),
    ]
  })

  readonly step = computed(() => this.shown.value[this.selected.value] ?? null)

  /** Runs the process; the last step is shown once it is there. */
  async run(order: ProcessOrder): Promise<void> {
    this.stopFilm()
    let fresh = true
    const ended = await this.task.run(async watch => {
      const { result, seed } = await this.#backend.process(order, {
        ...watch,
        onStart: start => {
          fresh = false
          batch(() => {
            this.start.value = start
            this.steps.value = []
            this.result.value = null
            this.selected.value = 0
          })
          this.#load()
        },
        onStep: step => {
          this.steps.value = [...this.steps.value, step]
          this.select(step.index + 1)
        },
      })
      this.result.value = result
      this.title.value = orderTitle(order, this.steps.value.length, seed)
    })
    if (!ended && fresh) this.title.value = ''
  }

  select(index: number): void {
    this.selected.value = Math.min(Math.max(0, index), this.shown.value.length - 1)
    this.#load()
  }

  hear(part: Part): void {
    this.part.value = part
    this.#mix()
  }

  keep(): void {
    const sound = this.result.value
    if (sound === null) return
    this.kept.value = { title: this.title.value, sound }
    this.#load()
  }

  forget(): void {
    this.kept.value = null
    if (this.part.value === 'kept') this.part.value = 'x'
    this.#load()
  }

  /** Shows one step after the other, from the start. */
  film(): void {
    this.stopFilm()
    this.filming.value = true
    this.select(0)
    const next = () => {
      if (this.selected.value >= this.shown.value.length - 1) return this.stopFilm()
      this.select(this.selected.value + 1)
      this.#timer = setTimeout(next, FILM_MILLISECONDS)
    }
    this.#timer = setTimeout(next, FILM_MILLISECONDS)
  }

  stopFilm(): void {
    clearTimeout(this.#timer)
    this.filming.value = false
  }

  #load(): void {
    const step = this.step.value
    const tracks = new Map<Part, Sound>()
    if (step !== null) {
      tracks.set('x', step.x)
      if (step.clean !== null) tracks.set('clean', step.clean)
      if (step.noise !== null) tracks.set('noise', step.noise)
    }
    if (this.kept.value !== null) tracks.set('kept', this.kept.value.sound)
    this.#tracks = tracks
    this.#mix()
    this.player.setTracks(tracks)
  }

  #tracks: ReadonlyMap<Part, Sound> = new Map()

  /** The chosen part is heard; x if the step does not have it. */
  #mix(): void {
    const part = this.#tracks.has(this.part.value) ? this.part.value : 'x'
    const sound = this.#tracks.get(part)
    if (sound !== undefined) this.player.solo(part, playbackGain(loudnessOf(sound.samples)))
  }
}
