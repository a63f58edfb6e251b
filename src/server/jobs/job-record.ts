/** One job in memory: its state, its files, and its events for those who watch. */
import { abortError } from '../../core/errors.js'
import { MAX_JOB_EVENTS, PROGRESS_SECONDS } from '../limits.js'
import type { Facts, FileHead, Output } from '../operations/operation.js'
import type { Problem } from '../problem.js'
import { hasEnded, type JobEvent, type JobFile, type JobState, type JobView, type StoredFile } from './job.js'

interface WrittenFile {
  readonly head: FileHead
  readonly pieces: Uint8Array[]
  bytes: number
}

export class JobRecord implements Output {
  readonly id: string
  readonly kind: string
  /** Milliseconds of the clock when it ended; null before. */
  endedAt: number | null = null
  readonly #clock: () => number
  readonly #created: number
  readonly #reserve: (bytes: number) => void
  #started: number | null = null
  #state: JobState = 'queued'
  #progress = 0
  #toldProgressAt = Number.NEGATIVE_INFINITY
  #problem: Problem | null = null
  readonly #files: WrittenFile[] = []
  readonly #events: JobEvent[] = []
  #lastEvent = 0
  readonly #watchers = new Set<() => void>()

  /**
   * @param clock milliseconds since 1970
   * @param reserve called with the number of bytes before a file of known size is made, and before bytes are kept;
   * throws if there is no room for them
   */
  constructor(id: string, kind: string, clock: () => number, reserve: (bytes: number) => void) {
    this.id = id
    this.kind = kind
    this.#clock = clock
    this.#created = clock()
    this.#reserve = reserve
  }

  get state(): JobState {
    return this.#state
  }

  /** Bytes of all files. */
  get bytes(): number {
    return this.#files.reduce((sum, file) => sum + file.bytes, 0)
  }

  view(): JobView {
    const time = (milliseconds: number | null) => (milliseconds === null ? null : new Date(milliseconds).toISOString())
    return {
      id: this.id,
      kind: this.kind,
      state: this.#state,
      created: time(this.#created)!,
      started: time(this.#started),
      finished: time(this.endedAt),
      progress: this.#progress,
      files: this.#complete().map(jobFile),
      problem: this.#problem,
    }
  }

  /** @param problem why it failed */
  setState(state: JobState, problem: Problem | null = null): void {
    if (hasEnded(this)) return
    this.#state = state
    this.#problem = problem
    if (state === 'running') this.#started = this.#clock()
    if (state === 'done') this.#progress = 1
    if (hasEnded(this)) {
      this.endedAt = this.#clock()
      // A file that was cut off is not kept.
      if (state === 'done' || isWhole(this.#files.at(-1))) this.#tellFile()
      else this.#files.pop()
    }
    this.event('state', { ...this.view() })
  }

  setProgress(share: number): void {
    this.#progress = share
    const now = this.#clock()
    if (now - this.#toldProgressAt < 1000 * PROGRESS_SECONDS) return
    this.#toldProgressAt = now
    // Only the latest progress is of interest to those who come back.
    const last = this.#events.at(-1)
    if (last?.name === 'progress') this.#events.pop()
    this.event('progress', { progress: share })
  }

  open(head: FileHead): void {
    this.#reserve(head.bytes ?? 0)
    this.#tellFile()
    this.#files.push({ head, pieces: [], bytes: 0 })
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#reserve(bytes.length)
    const file = this.#files.at(-1)!
    file.pieces.push(bytes)
    file.bytes += bytes.length
  }

  event(name: string, data: Facts): void {
    this.#events.push({ id: ++this.#lastEvent, name, data })
    if (this.#events.length > MAX_JOB_EVENTS) this.#events.shift()
    for (const wake of [...this.#watchers]) wake()
  }

  /** A complete file; undefined if there is none of that name. */
  file(name: string): StoredFile | undefined {
    const stored = this.#complete().find(({ head }) => head.name === name)
    return stored && { file: jobFile(stored), pieces: stored.pieces }
  }

  /** Forgets all files. */
  clear(): void {
    this.#files.length = 0
  }

  async *events(after: number, signal: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
    for (let last = after; ; ) {
      for (const event of this.#events.filter(({ id }) => id > last)) {
        last = event.id
        yield event
      }
      if (last >= this.#lastEvent && hasEnded(this)) return
      if (last < this.#lastEvent) continue
      if (signal.aborted) throw abortError()
      await new Promise<void>(resolve => {
        const wake = () => {
          this.#watchers.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.#watchers.add(wake)
        signal.addEventListener('abort', wake, { once: true })
      })
    }
  }

  /** Files whose last byte is there: all but the one that is being written. */
  #complete(): readonly WrittenFile[] {
    return hasEnded(this) ? this.#files : this.#files.slice(0, -1)
  }

  #tellFile(): void {
    const last = this.#files.at(-1)
    if (last !== undefined) this.event('file', { ...jobFile(last) })
  }
}

/** Whether a file has all of its bytes, as far as its size was known beforehand. */
function isWhole(file: WrittenFile | undefined): boolean {
  return file?.bytes === file?.head.bytes
}

function jobFile({ head, bytes }: WrittenFile): JobFile {
  return { ...head, bytes }
}
