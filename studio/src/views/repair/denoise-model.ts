/** State of denoising: a noisy recording, and what a generator that knows such sounds makes of it. */
import { batch, computed, signal } from '@preact/signals-core'
import { decodeSound } from '../../audio/decode.js'
import { loudnessOf, playbackGain } from '../../audio/loudness.js'
import { Player } from '../../audio/player.js'
import type { Sound } from '../../audio/sound.js'
import type { Stage } from '../../audio/stage.js'
import { wavFile } from '../../audio/wav-file.js'
import type { SourceFile, StudioBackend, StudioModel, Watch } from '../../backend/studio-backend.js'
import { SamplingChoice } from '../../components/sampling-choice.js'
import { Task } from '../../components/task.js'

export type DenoiseTrack = 'clean' | 'noisy' | 'denoised'

/** White noise of unit variance by Box and Muller's method. @param draw numbers from 0 to 1 */
export function gaussianNoise(length: number, draw: () => number): Float32Array {
  const noise = new Float32Array(length)
  for (let i = 0; i < length; i++) {
    noise[i] = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
  }
  return noise
}

/** A sound in white noise. @param snr in dB */
export function noisySound(sound: Sound, snr: number, draw: () => number): Sound {
  const level = loudnessOf(sound.samples).rms / 10 ** (snr / 20)
  const noise = gaussianNoise(sound.samples.length, draw)
  return { ...sound, samples: sound.samples.map((value, i) => value + level * noise[i]!) }
}

export class DenoiseModel {
  readonly choice: SamplingChoice
  readonly task = new Task()
  readonly player: Player
  readonly name = signal('')
  /** The sound before noise was added, if it was added here. */
  readonly clean = signal<Sound | null>(null)
  readonly noisy = signal<Sound | null>(null)
  readonly denoised = signal<Sound | null>(null)
  readonly heard = signal<DenoiseTrack>('noisy')
  /** Signal-to-noise ratio in dB: of noise that is added, and as told to the model; estimated if left out. */
  readonly snr = signal<number | undefined>(10)
  readonly label = signal('')
  readonly #backend: StudioBackend
  readonly #draw: () => number

  constructor(backend: StudioBackend, stage: Stage, draw: () => number) {
    this.#backend = backend
    this.#draw = draw
    this.choice = new SamplingChoice(draw)
    this.player = new Player(stage)
  }

  readonly tracks = computed(() => {
    const tracks = new Map<DenoiseTrack, Sound>()
    const [clean, noisy, denoised] = [this.clean.value, this.noisy.value, this.denoised.value]
    if (clean !== null) tracks.set('clean', clean)
    if (noisy !== null) tracks.set('noisy', noisy)
    if (denoised !== null) tracks.set('denoised', denoised)
    return tracks
  })

  offer(models: readonly StudioModel[]): void {
    this.choice.offer(models, ['generator'])
  }

  /** Takes a noisy recording. */
  async open(file: SourceFile): Promise<void> {
    const model = this.choice.model.value
    if (model === null) return
    const { name, bytes } = file
    const take = async ({ signal }: Watch) => {
      const noisy = await decodeSound(bytes, model.sampleRate, { signal })
      this.#show({ name, clean: null, noisy })
    }
    await this.task.run(take, () => this.open(file))
  }

  /** Makes a clip with the model and adds noise to it, to have something to denoise. */
  async makeExample(): Promise<void> {
    const sampling = this.choice.sampling.value
    if (sampling === null) return
    const make = async (watch: Watch) => {
      const [clean] = await this.#backend.generate(
        { ...sampling, count: 1, label: this.choice.labelOf(this.label.value) },
        watch,
      )
      const noisy = noisySound(clean!, this.snr.value ?? 10, this.#draw)
      this.#show({ name: `a clip of ${sampling.model}`, clean: clean!, noisy })
    }
    await this.task.run(make, () => this.makeExample())
  }

  async denoise(): Promise<void> {
    const [noisy, sampling] = [this.noisy.value, this.choice.sampling.value]
    if (noisy === null || sampling === null) return
    const make = async (watch: Watch) => {
      const recording = { name: this.name.value, bytes: wavFile(noisy, '32f') }
      const label = this.choice.labelOf(this.label.value)
      const order = { ...sampling, steps: this.choice.steps.value, recording, snr: this.snr.value, label }
      const denoised = await this.#backend.denoise(order, watch)
      batch(() => {
        this.denoised.value = denoised
        this.heard.value = 'denoised'
      })
      this.#load()
    }
    await this.task.run(make, () => this.denoise())
  }

  hear(track: DenoiseTrack): void {
    this.heard.value = track
    this.#mix()
  }

  #show({ name, clean, noisy }: { name: string; clean: Sound | null; noisy: Sound }): void {
    batch(() => {
      this.name.value = name
      this.clean.value = clean
      this.noisy.value = noisy
      this.denoised.value = null
      this.heard.value = 'noisy'
    })
    this.#load()
  }

  #load(): void {
    this.#mix()
    this.player.setTracks(this.tracks.value)
  }

  #mix(): void {
    const noisy = this.noisy.value
    if (noisy !== null) this.player.solo(this.heard.value, playbackGain(loudnessOf(noisy.samples)))
  }
}
