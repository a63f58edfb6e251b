/** A generated clip on the wall. */
import { signal } from '@preact/signals-core'
import { loudnessOf, playbackGain } from '../../audio/loudness.js'
import { Player } from '../../audio/player.js'
import { numberFact, type Sound } from '../../audio/sound.js'
import type { Stage } from '../../audio/stage.js'

export class Clip {
  readonly sound: Sound
  readonly player: Player
  /** Whether it stays when new ones are made. */
  readonly kept = signal(false)

  constructor(sound: Sound, stage: Stage) {
    this.sound = sound
    this.player = new Player(stage)
    this.player.setTracks(new Map([['clip', sound]]))
    this.player.solo('clip', playbackGain(loudnessOf(sound.samples)))
  }

  get model(): string {
    return String(this.sound.facts['model'] ?? 'clip')
  }

  /** '' for none. */
  get label(): string {
    const label = this.sound.facts['label']
    return typeof label === 'string' ? label : ''
  }

  get seed(): number {
    return numberFact(this.sound.facts, 'seed', 0)
  }

  /** What it is, for a heading. */
  get title(): string {
    return this.label === '' ? `${this.model}, seed ${this.seed}` : `${this.label}, seed ${this.seed}`
  }

  /** Name of its file. */
  get fileName(): string {
    const parts = [this.model, this.label, `seed-${this.seed}`].filter(part => part !== '')
    return `${parts.join('-').replaceAll(/[^\w.-]+/g, '_')}.wav`
  }
}
