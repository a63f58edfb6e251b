/** State of the forward process: a recording, the noise schedule, and the step t that is seen and heard. */
import { computed, signal } from '@preact/signals-core'
import { Player } from '../../audio/player.js'
import type { Stage } from '../../audio/stage.js'
import type { Schedules, SourceFile, StudioBackend } from '../../backend/studio-backend.js'
import { Task } from '../../components/task.js'
import { ForwardMix } from './forward-mix.js'

export class ForwardModel {
  readonly task = new Task()
  readonly player: Player
  readonly schedules = signal<Schedules | null>(null)
  readonly mix = signal<ForwardMix | null>(null)
  readonly t = signal(0)
  readonly #backend: StudioBackend

  constructor(backend: StudioBackend, stage: Stage) {
    this.#backend = backend
    this.player = new Player(stage)
    this.player.setLoop(true)
  }

  /** ᾱ of each training step. */
  readonly alphaBars = computed(() => this.schedules.value?.training.alphaBars ?? [])
  readonly alphaBar = computed(() => this.alphaBars.value[this.t.value] ?? 1)
  /** x_t. */
  readonly sound = computed(() => this.mix.value?.at(this.alphaBar.value) ?? null)
  readonly snr = computed(() => this.mix.value?.snr(this.alphaBar.value) ?? null)

  /** Loads the process of a recording with a model's schedule. */
  async load(recording: SourceFile, model: string, seed: number): Promise<void> {
    await this.task.run(async ({ signal }) => {
      const schedules = await this.#backend.schedules({ model }, signal)
      const last = schedules.training.alphaBars.length - 1
      const [first, noisy] = await Promise.all(
        [0, last].map(t => this.#backend.forward(recording, { model, t, seed }, signal)),
      )
      const mix = new ForwardMix(first!, noisy!)
      const before = this.alphaBars.value.length
      this.schedules.value = schedules
      this.mix.value = mix
      this.player.setTracks(
        new Map([
          ['clean', mix.clean],
          ['noise', mix.noise],
        ]),
      )
      // At the same share of the way; at first where speech and noise are about equally loud.
      const share = before === 0 ? 0.5 : this.t.value / Math.max(1, before - 1)
      this.setT(Math.round(share * last))
    })
  }

  setT(t: number): void {
    this.t.value = t
    const mix = this.mix.value
    if (mix !== null) this.player.setMix(mix.playback(this.alphaBar.value))
  }
}
