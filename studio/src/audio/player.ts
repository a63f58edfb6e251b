/**
 * Plays several sounds in step and mixes them. All of them run at once, each behind its own gain, so that another one
 * is heard without a gap and at the same place.
 */
import { batch, type ReadonlySignal, signal } from '@preact/signals-core'
import { type Sound, secondsOf } from './sound.js'
import type { Stage } from './stage.js'

/** Seconds over which gains change: short, but without a click. */
const FADE = 0.008
/** Seconds between the call and the first sample, so that all sources start together. */
const LEAD = 0.02

interface Voice {
  readonly source: AudioBufferSourceNode
  readonly gain: GainNode
}

export class Player {
  readonly #stage: Stage
  #tracks: ReadonlyMap<string, Sound> = new Map()
  #mix: ReadonlyMap<string, number> = new Map()
  #voices = new Map<string, Voice>()
  readonly #buffers = new WeakMap<Sound, AudioBuffer>()
  readonly #position = signal(0)
  readonly #playing = signal(false)
  readonly #duration = signal(0)
  readonly #loop = signal(false)
  /** Time of the context at which position 0 was, or would have been, played. */
  #origin = 0
  #frame = 0

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** Seconds from the start. */
  get position(): ReadonlySignal<number> {
    return this.#position
  }

  get playing(): ReadonlySignal<boolean> {
    return this.#playing
  }

  /** Seconds of the longest track. */
  get duration(): ReadonlySignal<number> {
    return this.#duration
  }

  get loop(): ReadonlySignal<boolean> {
    return this.#loop
  }

  /** Sets the sounds by name. What plays goes on at its place with the new ones. */
  setTracks(tracks: ReadonlyMap<string, Sound>): void {
    this.#tracks = tracks
    const duration = Math.max(0, ...[...tracks.values()].map(secondsOf))
    batch(() => {
      this.#duration.value = duration
      if (this.#position.value > duration) this.#position.value = 0
    })
    if (this.#playing.value) this.#start()
    if (tracks.size === 0) this.pause()
  }

  /** Sets the gain of each track; those that are not named are silent. */
  setMix(gains: ReadonlyMap<string, number>): void {
    this.#mix = gains
    for (const [name, { gain }] of this.#voices) {
      gain.gain.setTargetAtTime(gains.get(name) ?? 0, this.#stage.context.currentTime, FADE / 3)
    }
  }

  /** Hears one track alone. */
  solo(name: string, gain = 1): void {
    this.setMix(new Map([[name, gain]]))
  }

  setLoop(loop: boolean): void {
    this.#loop.value = loop
    for (const { source } of this.#voices.values()) source.loop = loop
  }

  play(): void {
    if (this.#tracks.size === 0) return
    this.#stage.enter(this)
    void this.#stage.context.resume()
    if (this.#position.value >= this.#duration.value - 0.01) this.#position.value = 0
    this.#playing.value = true
    this.#start()
    cancelAnimationFrame(this.#frame)
    this.#frame = requestAnimationFrame(this.#watch)
  }

  pause(): void {
    if (!this.#playing.value) return
    this.#release()
    this.#playing.value = false
    cancelAnimationFrame(this.#frame)
  }

  toggle(): void {
    if (this.#playing.value) this.pause()
    else this.play()
  }

  seek(seconds: number): void {
    this.#position.value = Math.min(Math.max(0, seconds), this.#duration.value)
    if (this.#playing.value) this.#start()
  }

  #start(): void {
    this.#release()
    const { context } = this.#stage
    const at = context.currentTime + LEAD
    const offset = this.#position.value
    this.#origin = at - offset
    for (const [name, sound] of this.#tracks) {
      const source = context.createBufferSource()
      source.buffer = this.#bufferOf(sound)
      source.loop = this.#loop.value
      const gain = context.createGain()
      gain.gain.setValueAtTime(0, at)
      gain.gain.linearRampToValueAtTime(this.#mix.get(name) ?? 0, at + FADE)
      source.connect(gain).connect(context.destination)
      source.start(at, Math.min(offset, secondsOf(sound)))
      this.#voices.set(name, { source, gain })
    }
  }

  /** Fades out what plays. */
  #release(): void {
    const { currentTime } = this.#voices.size === 0 ? { currentTime: 0 } : this.#stage.context
    for (const { source, gain } of this.#voices.values()) {
      gain.gain.cancelScheduledValues(currentTime)
      gain.gain.setTargetAtTime(0, currentTime, FADE / 3)
      source.stop(currentTime + 2 * FADE)
    }
    this.#voices = new Map()
  }

  #bufferOf(sound: Sound): AudioBuffer {
    const known = this.#buffers.get(sound)
    if (known !== undefined) return known
    const { samples, sampleRate } = sound
    const buffer = new AudioBuffer({ length: Math.max(1, samples.length), sampleRate })
    buffer.copyToChannel(samples, 0)
    this.#buffers.set(sound, buffer)
    return buffer
  }

  readonly #watch = (): void => {
    const elapsed = Math.max(0, this.#stage.context.currentTime - this.#origin)
    const duration = this.#duration.value
    if (elapsed >= duration && !this.#loop.value) {
      this.pause()
      this.#position.value = 0
      return
    }
    this.#position.value = duration === 0 ? 0 : elapsed % duration
    this.#frame = requestAnimationFrame(this.#watch)
  }
}
