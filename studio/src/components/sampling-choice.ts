/** How to sample, as chosen in a form: which model, steps, sampler, η and seed. */
import { batch, computed, signal } from '@preact/signals-core'
import type { ModelKind, Sampling, StudioModel } from '../backend/studio-backend.js'

/** Stands for the model's own choice. */
export const DEFAULT = ''

/** Samplers and what people call them. */
export const samplers = [
  { value: DEFAULT, label: 'the model’s own' },
  { value: 'ddpm', label: 'DDPM (ancestral)' },
  { value: 'ddim', label: 'DDIM' },
  { value: 'dpm-solver++', label: 'DPM-Solver++' },
] as const

/** Seeds are shown and typed, so that they are short. */
const MAX_SEED = 9999

export class SamplingChoice {
  readonly modelName = signal('')
  readonly steps = signal<number | undefined>(undefined)
  readonly sampler = signal<string>(DEFAULT)
  readonly eta = signal<number | undefined>(undefined)
  readonly seed = signal<number | undefined>(1)
  readonly #models = signal<readonly StudioModel[]>([])
  readonly #draw: () => number

  /** @param draw a number from 0 to 1, for new seeds */
  constructor(draw: () => number) {
    this.#draw = draw
  }

  /** Why there is no model to choose; `null` while models are loading, and if there is one. */
  readonly missing = signal<string | null>(null)

  readonly models = computed(() => this.#models.value)

  /** The chosen model; `null` while models are loading. */
  readonly model = computed(() => this.#models.value.find(({ name }) => name === this.modelName.value) ?? null)

  /** What a request needs; `null` without a model. */
  readonly sampling = computed<Sampling | null>(() => {
    const model = this.model.value
    if (model === null) return null
    const sampler = this.sampler.value
    return {
      model: model.name,
      steps: this.steps.value,
      sampler: sampler === DEFAULT ? undefined : sampler,
      eta: sampler === 'ddim' ? this.eta.value : undefined,
      seed: this.seed.value,
    }
  })

  /** Offers models of some kinds; the first is chosen unless one already is. */
  offer(models: readonly StudioModel[], kinds: readonly ModelKind[]): void {
    const offered = models.filter(({ kind }) => kinds.includes(kind))
    batch(() => {
      this.#models.value = offered
      const sought = kinds.length > 1 ? 'model' : kinds[0]
      this.missing.value = offered.length > 0 ? null : `This studio offers no ${sought}, so nothing can be made here.`
      if (!offered.some(({ name }) => name === this.modelName.value)) this.modelName.value = offered[0]?.name ?? ''
    })
  }

  /** A label as a request has it: none if it is that of another model, which the chosen one would refuse. */
  labelOf(label: string): string | undefined {
    return this.model.value?.labels?.includes(label) === true ? label : undefined
  }

  /** A guidance as a request has it: none for a model without labels, which would refuse it. */
  guidanceOf(guidance: number | undefined): number | undefined {
    return (this.model.value?.labels ?? null) === null ? undefined : guidance
  }

  drawSeed(): void {
    this.seed.value = Math.floor(this.#draw() * (MAX_SEED + 1))
  }
}
