/** State of the wall of generated clips. */
import { computed, signal } from '@preact/signals-core'
import { zipSync } from 'fflate'
import type { Stage } from '../../audio/stage.js'
import { wavFile } from '../../audio/wav-file.js'
import type { GenerateOrder, StudioBackend, StudioModel, Watch } from '../../backend/studio-backend.js'
import { SamplingChoice } from '../../components/sampling-choice.js'
import { Task } from '../../components/task.js'
import { Clip } from './clip.js'

const DEFAULT_COUNT = 6

export class GenerateModel {
  readonly choice: SamplingChoice
  readonly count = signal<number | undefined>(DEFAULT_COUNT)
  readonly seconds = signal<number | undefined>(undefined)
  readonly label = signal('')
  readonly guidance = signal<number | undefined>(undefined)
  readonly task = new Task()
  readonly clips = signal<readonly Clip[]>([])
  readonly #backend: StudioBackend
  readonly #stage: Stage

  constructor(backend: StudioBackend, stage: Stage, draw: () => number) {
    this.#backend = backend
    this.#stage = stage
    this.choice = new SamplingChoice(draw)
  }

  readonly kept = computed(() => this.clips.value.filter(clip => clip.kept.value))

  readonly order = computed<GenerateOrder | null>(() => {
    const sampling = this.choice.sampling.value
    if (sampling === null) return null
    return {
      ...sampling,
      count: this.count.value ?? DEFAULT_COUNT,
      seconds: this.seconds.value,
      label: this.choice.labelOf(this.label.value),
      guidance: this.choice.guidanceOf(this.guidance.value),
    }
  })

  offer(models: readonly StudioModel[]): void {
    this.choice.offer(models, ['generator'])
  }

  /** Makes new clips. The first of them takes the place of those that are not kept. */
  async run(): Promise<void> {
    const order = this.order.value
    if (order === null) return
    const before = this.kept.value
    for (const clip of this.clips.value) clip.player.pause()
    const make = async (watch: Watch) => {
      const made: Clip[] = []
      await this.#backend.generate(order, {
        ...watch,
        onClip: sound => {
          if (watch.signal.aborted) return
          made.push(new Clip(sound, this.#stage))
          this.clips.value = [...before, ...made]
        },
      })
    }
    await this.task.run(make, () => this.run())
  }

  /** All kept clips as a zip archive; the WAV files in it are not compressed. */
  archive(): Uint8Array<ArrayBuffer> {
    const files: Record<string, Uint8Array> = {}
    for (const { fileName, sound } of this.kept.value) {
      // Clips of one seed may differ in steps or guidance.
      let free = fileName
      for (let n = 2; Object.hasOwn(files, free); n++) free = fileName.replace(/\.wav$/, `-${n}.wav`)
      files[free] = wavFile(sound)
    }
    return zipSync(files, { level: 0 }) as Uint8Array<ArrayBuffer>
  }
}
