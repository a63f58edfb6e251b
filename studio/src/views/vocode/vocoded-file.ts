/** One file on its way through the mel and back: the sounds that systems make of it, in step, and their figures. */
import { batch, computed, signal } from '@preact/signals-core'
import { looksLikeTensors } from '#src/formats/tensor-file'
import { loudnessOf, playbackGain } from '../../audio/loudness.js'
import { Player } from '../../audio/player.js'
import type { Sound } from '../../audio/sound.js'
import type { Stage } from '../../audio/stage.js'
import type { Comparison, Sampling, SourceFile, StudioBackend, VocoderSystem } from '../../backend/studio-backend.js'
import { Task } from '../../components/task.js'

/** What can be heard of a file. */
export type SystemName = 'original' | VocoderSystem

/** Systems in their order, and what people call them. */
export const systemTitles: Readonly<Record<SystemName, string>> = {
  original: 'Original',
  model: 'Model',
  'zero-output': 'Model, last layer zeroed',
  'griffin-lim': 'Griffin-Lim',
}
export const systemNames = Object.keys(systemTitles) as readonly SystemName[]
const made = ['model', 'zero-output', 'griffin-lim'] as const satisfies readonly VocoderSystem[]

export interface VocodeChoice extends Sampling {
  readonly refine?: number | undefined
}

/** Whether a file holds arrays and not audio, by its first bytes: NumPy, zip, pickle or safetensors. */
export function isMel({ bytes }: SourceFile): boolean {
  return looksLikeTensors(bytes)
}

export class VocodedFile {
  readonly source: SourceFile
  readonly task = new Task()
  readonly player: Player
  readonly sounds = signal<ReadonlyMap<SystemName, Sound>>(new Map())
  readonly comparison = signal<Pick<Comparison, 'measures' | 'figures'> | null>(null)
  readonly heard = signal<SystemName>('model')
  readonly #backend: StudioBackend
  /** What it was last run with. */
  #choice: VocodeChoice | null = null

  constructor(source: SourceFile, backend: StudioBackend, stage: Stage) {
    this.source = source
    this.#backend = backend
    this.player = new Player(stage)
  }

  /** One gain for all, so that their loudness can be compared. */
  readonly gain = computed(() =>
    Math.min(1, ...[...this.sounds.value.values()].map(({ samples }) => playbackGain(loudnessOf(samples)))),
  )

  /** Whether it was last run with this choice, to the end or not. */
  isOf(choice: VocodeChoice): boolean {
    return JSON.stringify(choice) === JSON.stringify(this.#choice)
  }

  /**
   * Makes all sounds: a recording with its figures, a mel without.
   *
   * @param again what a retry does. Default: the same
   */
  async run(choice: VocodeChoice, again?: () => unknown): Promise<void> {
    this.#choice = choice
    await this.task.run(async watch => {
      const { source } = this
      if (isMel(source)) {
        const sounds = new Map<SystemName, Sound>()
        for (const [i, system] of made.entries()) {
          const onProgress = (share: number) => watch.onProgress?.((i + share) / made.length)
          const sound = await this.#backend.vocode({ ...choice, source, system }, { signal: watch.signal, onProgress })
          sounds.set(system, sound)
          this.#show(sounds, null)
        }
        return
      }
      const comparison = await this.#backend.compare({ ...choice, source }, watch)
      this.#show(new Map<SystemName, Sound>([['original', comparison.original], ...comparison.copies]), comparison)
    }, again)
  }

  /** Switches what is heard, without a gap if it plays. */
  hear(system: SystemName): void {
    this.heard.value = system
    this.player.solo(system, this.gain.value)
  }

  #show(sounds: ReadonlyMap<SystemName, Sound>, comparison: Comparison | null): void {
    batch(() => {
      this.sounds.value = new Map(sounds)
      this.comparison.value = comparison
    })
    if (!sounds.has(this.heard.value)) this.heard.value = 'model'
    this.player.solo(this.heard.value, this.gain.value)
    this.player.setTracks(sounds)
  }
}
