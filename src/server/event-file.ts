/** The clips in an event file of a training run, read as it grows. They stay in the file until one is asked for. */
import { type LoggedSound, recordBytes, recordsOf, soundsOf } from '../formats/tfevents.js'
import { readPart } from './file-part.js'
import { LOG_PIECE_BYTES, MAX_CLIP_RECORD_BYTES } from './limits.js'

/** A clip, and where it stands. */
export interface FiledClip {
  readonly step: number
  /** Name of the series, as `audio/0`. */
  readonly tag: string
  /** The record of its event. */
  readonly start: number
  readonly bytes: number
  /** Number among the sounds of the event. */
  readonly index: number
}

export class EventFile {
  readonly #path: string
  readonly #clips: FiledClip[] = []
  /** Bytes up to the last whole record. */
  #at = 0
  /** The end of the last look: those who ask at the same time do not read the file twice. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** The clips, in order. */
  clips(): Promise<readonly FiledClip[]> {
    const looked = this.#turn.then(() => this.#look())
    this.#turn = looked.catch(() => {})
    return looked.then(() => [...this.#clips])
  }

  /** The bytes of a clip's WAV file; null if the file has changed. */
  async wav({ start, bytes, index }: FiledClip): Promise<Uint8Array | null> {
    const part = await readPart(this.#path, start, bytes)
    const sounds: readonly LoggedSound[] = [...recordsOf(part.bytes)].flatMap(({ event }) => soundsOf(event))
    return sounds[index]?.wav ?? null
  }

  /** Goes through what was added since the last look. */
  async #look(): Promise<void> {
    for (let wanted = LOG_PIECE_BYTES; ; ) {
      const { size, bytes } = await readPart(this.#path, this.#at, wanted)
      if (size < this.#at) {
        this.#at = 0
        this.#clips.length = 0
        continue
      }
      if (bytes.length === 0) return
      let end = 0
      for (const record of recordsOf(bytes)) {
        for (const [index, { step, tag }] of soundsOf(record.event).entries()) {
          this.#clips.push({ step, tag, start: this.#at + record.start, bytes: record.end - record.start, index })
        }
        end = record.end
      }
      this.#at += end
      wanted = LOG_PIECE_BYTES
      if (end > 0) continue
      const next = recordBytes(bytes)
      // Half written, or damaged.
      if (next === null || next > size - this.#at) return
      if (next <= MAX_CLIP_RECORD_BYTES) wanted = next
      else this.#at += next
    }
  }
}
