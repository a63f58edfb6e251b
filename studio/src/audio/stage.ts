/** The page's loudspeaker: one audio context, and one player at a time. */

/** What can be silenced when another player starts. */
export interface Performer {
  pause(): void
}

export class Stage {
  #context: AudioContext | null = null
  #performer: Performer | null = null

  /** The context; made when first needed, since browsers refuse one before the first key or click. */
  get context(): AudioContext {
    this.#context ??= new AudioContext()
    return this.#context
  }

  /** Pauses whoever plays. */
  silence(): void {
    this.#performer?.pause()
  }

  /** Pauses whoever plays, and lets another one play. */
  enter(performer: Performer): void {
    if (this.#performer !== performer) this.#performer?.pause()
    this.#performer = performer
  }
}
