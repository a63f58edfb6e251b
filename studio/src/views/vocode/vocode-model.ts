/** State of the vocoder view: the files, and how they are vocoded. */
import { computed, effect, signal } from '@preact/signals-core'
import type { Stage } from '../../audio/stage.js'
import type { SourceFile, StudioBackend, StudioModel } from '../../backend/studio-backend.js'
import { SamplingChoice } from '../../components/sampling-choice.js'
import { type VocodeChoice, VocodedFile } from './vocoded-file.js'

/** Milliseconds without a change after which the files are vocoded again. */
const SETTLE_MILLISECONDS = 500

export class VocodeModel {
  readonly choice: SamplingChoice
  /** Iterations of phase refinement; the model's own if left out. */
  readonly refine = signal<number | undefined>(undefined)
  readonly files = signal<readonly VocodedFile[]>([])
  readonly #backend: StudioBackend
  readonly #stage: Stage
  #began = false

  constructor(backend: StudioBackend, stage: Stage, draw: () => number) {
    this.#backend = backend
    this.#stage = stage
    this.choice = new SamplingChoice(draw)
  }

  readonly order = computed<VocodeChoice | null>(() => {
    const sampling = this.choice.sampling.value
    return sampling === null ? null : { ...sampling, refine: this.refine.value }
  })

  /**
   * Offers vocoders. The files are vocoded again when the choice changes, also if the view was left right after.
   *
   * @returns stops doing so
   */
  begin(models: readonly StudioModel[]): () => void {
    this.choice.offer(models, ['vocoder'])
    if (this.#began) return () => {}
    this.#began = true
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = effect(() => {
      const order = this.order.value
      clearTimeout(timer)
      if (order === null) return
      timer = setTimeout(() => this.run(this.files.peek().filter(file => !file.isOf(order))), SETTLE_MILLISECONDS)
    })
    return () => {
      this.#began = false
      clearTimeout(timer)
      stop()
    }
  }

  /** Vocodes files, the newest on top. */
  add(sources: readonly SourceFile[]): void {
    const files = sources.map(source => new VocodedFile(source, this.#backend, this.#stage))
    this.files.value = [...files, ...this.files.value]
    this.run(files)
  }

  /** Vocodes files as chosen now. */
  run(files: readonly VocodedFile[]): void {
    const order = this.order.peek()
    if (order !== null) for (const file of files) void file.run(order, () => this.run([file]))
  }

  remove(file: VocodedFile): void {
    file.task.stop()
    file.player.pause()
    this.files.value = this.files.value.filter(other => other !== file)
  }
}
