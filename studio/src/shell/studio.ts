/** The page's state: who does the work, its models, and a model of each view. */
import { batch, signal } from '@preact/signals-core'
import { Stage } from '../audio/stage.js'
import type { SourceFile, StudioBackend, StudioModel } from '../backend/studio-backend.js'
import { Task } from '../components/task.js'
import type { StudioProblem } from '../core/problem.js'
import { GenerateModel } from '../views/generate/generate-model.js'
import { ProcessModel } from '../views/process/process-model.js'
import { DenoiseModel } from '../views/repair/denoise-model.js'
import { InpaintModel } from '../views/repair/inpaint-model.js'
import { TrainingModel } from '../views/training/training-model.js'
import { VocodeModel } from '../views/vocode/vocode-model.js'
import { Route } from './routes.js'

export interface StudioOptions {
  readonly backend: StudioBackend
  /** A recording to begin with. */
  readonly sample: (signal: AbortSignal) => Promise<SourceFile>
  /** A number from 0 to 1, for new seeds. */
  readonly draw: () => number
}

export class Studio {
  readonly route = new Route()
  readonly stage = new Stage()
  /** `null` until they are known. */
  readonly models = signal<readonly StudioModel[] | null>(null)
  /** Why some models cannot be used. */
  readonly modelProblems = signal<readonly StudioProblem[]>([])
  readonly loading = new Task()
  readonly process: ProcessModel
  readonly vocode: VocodeModel
  readonly generate: GenerateModel
  readonly inpaint: InpaintModel
  readonly denoise: DenoiseModel
  readonly training: TrainingModel
  readonly #options: StudioOptions

  constructor(options: StudioOptions) {
    const { backend, draw } = options
    this.#options = options
    this.process = new ProcessModel(backend, this.stage, draw)
    this.vocode = new VocodeModel(backend, this.stage, draw)
    this.generate = new GenerateModel(backend, this.stage, draw)
    this.inpaint = new InpaintModel(backend, this.stage, draw)
    this.denoise = new DenoiseModel(backend, this.stage, draw)
    this.training = new TrainingModel(backend.runs, this.stage)
  }

  get backend(): StudioBackend {
    return this.#options.backend
  }

  /** Asks for the models, and for the recording to begin with. */
  async load(): Promise<void> {
    await this.loading.run(async ({ signal }) => {
      const { models, problems } = await this.#options.backend.models(signal)
      batch(() => {
        this.models.value = models
        this.modelProblems.value = problems
      })
      const { recording } = this.process
      if (recording.value !== null) return
      const sample = await this.#options.sample(signal)
      // Somebody may have dropped a recording meanwhile.
      recording.value ??= sample
    })
  }

  /** Hands over the recording to begin with. */
  async takeSample(use: (sample: SourceFile) => void): Promise<void> {
    await this.loading.run(async ({ signal }) => use(await this.#options.sample(signal)))
  }
}
