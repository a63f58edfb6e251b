/** State of the view of the diffusion process: one model and recording for both directions. */
import { computed, effect, signal } from '@preact/signals-core'
import type { Stage } from '../../audio/stage.js'
import type { ProcessOrder, Schedules, SourceFile, StudioBackend, StudioModel } from '../../backend/studio-backend.js'
import { SamplingChoice } from '../../components/sampling-choice.js'
import { Task } from '../../components/task.js'
import { ForwardModel } from './forward-model.js'
import { ReverseModel } from './reverse-model.js'

/** Milliseconds without a change after which the process runs again. */
const SETTLE_MILLISECONDS = 350
/** Whether two objects have the same values. */
function isSame(a: object | null, b: object): boolean {
  const [before, now] = [Object.entries(a ?? {}), Object.entries(b)]
  return (
    before.length === now.length && now.every(([name, value], i) => before[i]![1] === value && before[i]![0] === name)
  )
}

/** Seed of the forward process while none is chosen. */
const DEFAULT_SEED = 1

export class ProcessModel {
  readonly choice: SamplingChoice
  readonly recording = signal<SourceFile | null>(null)
  readonly label = signal('')
  readonly seconds = signal<number | undefined>(undefined)
  readonly guidance = signal<number | undefined>(undefined)
  readonly forward: ForwardModel
  readonly reverse: ReverseModel
  /** What sampling will visit with the current choice. */
  readonly sampling = signal<Schedules['sampling'] | null>(null)
  readonly scheduleTask = new Task()
  readonly #backend: StudioBackend
  #began = false
  /** What the forward process shows, and what the reverse process was last run with. */
  #shown: object | null = null
  #ran: ProcessOrder | null = null

  constructor(backend: StudioBackend, stage: Stage, draw: () => number) {
    this.#backend = backend
    this.choice = new SamplingChoice(draw)
    this.forward = new ForwardModel(backend, stage)
    this.reverse = new ReverseModel(backend, stage)
  }

  /** What a run needs; `null` while something is missing. */
  readonly order = computed<ProcessOrder | null>(() => {
    const [sampling, model, recording] = [this.choice.sampling.value, this.choice.model.value, this.recording.value]
    if (sampling === null || model === null) return null
    if (model.kind === 'vocoder') return recording === null ? null : { ...sampling, source: recording }
    return {
      ...sampling,
      source: null,
      seconds: this.seconds.value,
      label: this.choice.labelOf(this.label.value),
      guidance: this.choice.guidanceOf(this.guidance.value),
    }
  })

  /** Offers models and keeps everything up to date. @returns stops doing so */
  begin(models: readonly StudioModel[]): () => void {
    this.choice.offer(models, ['vocoder', 'generator'])
    if (this.#began) return () => {}
    this.#began = true
    let timer: ReturnType<typeof setTimeout> | undefined
    const stops = [
      effect(() => {
        const [recording, model] = [this.recording.value, this.choice.model.value]
        const seed = this.choice.seed.value ?? DEFAULT_SEED
        if (recording === null || model === null) return
        const shown = { recording, model: model.name, seed }
        if (isSame(this.#shown, shown)) return
        this.#shown = shown
        void this.forward.load(recording, model.name, seed)
      }),
      effect(() => {
        const order = this.order.value
        if (order === null) return
        const { model, steps, sampler, eta } = order
        void this.scheduleTask.run(async ({ signal }) => {
          this.sampling.value = (await this.#backend.schedules({ model, steps, sampler, eta }, signal)).sampling
        })
      }),
      effect(() => {
        const order = this.order.value
        clearTimeout(timer)
        if (order === null || isSame(this.#ran, order)) return
        timer = setTimeout(() => this.runAgain(), SETTLE_MILLISECONDS)
      }),
    ]
    return () => {
      this.#began = false
      clearTimeout(timer)
      for (const stop of stops) stop()
    }
  }

  runAgain(): void {
    const order = this.order.peek()
    if (order === null) return
    this.#ran = order
    void this.reverse.run(order)
  }
}
