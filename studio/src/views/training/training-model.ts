/** State of the training view: the runs, the log of one of them as it grows, and its validation clips. */
import { batch, computed, signal } from '@preact/signals-core'
import { loudnessOf, playbackGain } from '../../audio/loudness.js'
import { Player } from '../../audio/player.js'
import type { Sound } from '../../audio/sound.js'
import type { Stage } from '../../audio/stage.js'
import { DroppedRun } from '../../backend/dropped-run.js'
import type { MetricsLine, RunsBackend, SourceFile, TrainingClip, TrainingRun } from '../../backend/studio-backend.js'
import { Task } from '../../components/task.js'

/** A curve of the log. */
export interface Curve {
  readonly steps: readonly number[]
  readonly values: readonly number[]
}

/** The values of one field, where lines have it. */
export function curveOf(lines: readonly MetricsLine[], field: string): Curve {
  const points = lines.filter(line => typeof line[field] === 'number' && Number.isFinite(line[field]))
  return { steps: points.map(({ step }) => step), values: points.map(line => line[field] as number) }
}

/** Share of the average that each new value replaces: less in long runs, where a value is a smaller part. */
function smoothing(count: number): number {
  return Math.min(0.5, Math.max(0.02, 8 / Math.max(1, count)))
}

/** An exponential average, which shows where a noisy curve goes; without bias towards its first value. */
export function smoothed({ steps, values }: Curve): Curve {
  const share = smoothing(values.length)
  let [sum, weight] = [0, 0]
  const averages = values.map(value => {
    sum = (1 - share) * sum + share * value
    weight = (1 - share) * weight + share
    return sum / weight
  })
  return { steps, values: averages }
}

export class TrainingModel {
  readonly listing = new Task()
  readonly watching = new Task()
  readonly fetching = new Task()
  readonly player: Player
  /** `null` until they are known. */
  readonly runs = signal<readonly TrainingRun[] | null>(null)
  readonly run = signal('')
  readonly lines = signal<readonly MetricsLine[]>([])
  readonly clips = signal<readonly TrainingClip[]>([])
  readonly clipId = signal('')
  /** What is shown and played: the clip before while the chosen one is fetched. */
  readonly shown = signal<{ readonly clip: TrainingClip; readonly sound: Sound } | null>(null)
  /** Whether there is a service that could know runs. */
  readonly hasService: boolean
  /** Whether what is shown are dropped files. */
  readonly isDropped = signal(false)
  #backend: RunsBackend | null

  constructor(backend: RunsBackend | null, stage: Stage) {
    this.hasService = backend !== null
    this.#backend = backend
    this.player = new Player(stage)
  }

  readonly loss = computed(() => curveOf(this.lines.value, 'loss'))
  readonly validationLoss = computed(() => curveOf(this.lines.value, 'validationLoss'))
  readonly learningRate = computed(() => curveOf(this.lines.value, 'learningRate'))
  readonly last = computed(() => this.lines.value.findLast(line => typeof line['loss'] === 'number') ?? null)

  /** Looks for runs, and watches the one that wrote last. */
  async list(): Promise<void> {
    const backend = this.#backend
    if (backend === null) return
    await this.listing.run(async ({ signal }) => {
      const runs = await backend.list(signal)
      this.runs.value = runs
      const latest = [...runs].sort((a, b) => (a.updated < b.updated ? 1 : -1))[0]
      const chosen = runs.find(({ name }) => name === this.run.value) ?? latest
      if (chosen !== undefined) void this.watch(chosen.name)
    })
  }

  /** Shows the files of a run in place of those that the service knows. */
  async open(files: readonly SourceFile[]): Promise<void> {
    this.watching.stop()
    await this.listing.run(async () => {
      this.#backend = new DroppedRun(files)
      this.isDropped.value = true
      this.run.value = ''
    })
    if (this.listing.problem.value === null) await this.list()
  }

  async watch(name: string): Promise<void> {
    const backend = this.#backend
    if (backend === null) return
    if (name !== this.run.value) {
      batch(() => {
        this.run.value = name
        this.lines.value = []
        this.clips.value = []
        this.clipId.value = ''
        this.shown.value = null
      })
      this.player.setTracks(new Map())
    }
    await this.watching.run(async ({ signal }) => {
      let first = true
      for await (const lines of backend.metrics(name, signal)) {
        if (signal.aborted) return
        this.lines.value = first ? lines : [...this.lines.value, ...lines]
        if (first || lines.some(line => 'validationLoss' in line)) await this.#listClips(name, signal)
        first = false
      }
    })
  }

  /** Stops watching, while another view is shown. */
  leave(): void {
    this.watching.stop()
    this.player.pause()
  }

  async choose(id: string): Promise<void> {
    const backend = this.#backend
    const clip = this.clips.value.find(one => one.id === id)
    if (backend === null || clip === undefined) return
    this.clipId.value = id
    await this.fetching.run(async ({ signal }) => {
      const sound = await backend.clip(this.run.value, id, signal)
      this.shown.value = { clip, sound }
      this.player.setTracks(new Map([['clip', sound]]))
      this.player.solo('clip', playbackGain(loudnessOf(sound.samples)))
    })
  }

  async #listClips(name: string, signal: AbortSignal): Promise<void> {
    const clips = await this.#backend!.clips(name, signal)
    this.clips.value = clips
    const latest = clips.at(-1)
    if (latest !== undefined && this.clipId.value === '') void this.choose(latest.id)
  }
}
