/** Training runs to watch: what `diffwave train` leaves in its folder. Clients name runs and clips, never paths. */
import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { oneOf, suggestion } from '../core/suggest.js'
import { systemCode } from '../core/system-code.js'
import type { MetricsLine } from '../formats/metrics-lines.js'
import { isEventFile, lastModelPath, metricsPath } from '../formats/run-folder.js'
import { configPath } from '../model/folder.js'
import { EventFile } from './event-file.js'
import { MAX_EVENT_FILES, MAX_LOG_BYTES } from './limits.js'
import { Refusal } from './refusal.js'
import { RunLog } from './run-log.js'

/** A run, at a glance. */
export interface RunView {
  readonly name: string
  /** When it last wrote, ISO 8601. */
  readonly updated: string
  /** Whether there is a model to listen to. */
  readonly hasModel: boolean
}

/** A clip that the model made in training. */
export interface RunClip {
  /** Names the clip in addresses. */
  readonly id: string
  readonly step: number
  /** Name of the series, as `audio/0`. */
  readonly tag: string
}

/** A run's folder, and when its log was last written. */
export interface RunFolder {
  readonly path: string
  readonly updated: Date
}

/** The id of a clip: the number of its event file, and its own number there. */
const CLIP_ID = /^(\d+)-(\d+)$/

/** The run in a folder; null if there is none. */
async function runIn(path: string): Promise<RunFolder | null> {
  const status = await stat(metricsPath(path)).catch(() => null)
  return status?.isFile() ? { path, updated: status.mtime } : null
}

export class TrainingRuns {
  readonly #roots: readonly string[]
  readonly #eventFiles = new Map<string, EventFile>()

  /** @param roots folders of runs, or folders that hold such folders */
  constructor(roots: readonly string[]) {
    this.#roots = roots.map(root => resolve(root))
  }

  /** The runs, by name. A name that is taken gets a number. */
  async folders(): Promise<ReadonlyMap<string, RunFolder>> {
    const found = new Map<string, RunFolder>()
    const add = (run: RunFolder | null) => {
      if (run === null) return
      const name = basename(run.path)
      let free = name
      for (let n = 2; found.has(free); n++) free = `${name}-${n}`
      found.set(free, run)
    }
    for (const root of this.#roots) {
      const own = await runIn(root)
      if (own !== null) {
        add(own)
        continue
      }
      // Links to folders count as folders.
      const entries = await readdir(root).catch(() => [])
      for (const entry of entries.sort()) add(await runIn(join(root, entry)))
    }
    return found
  }

  async list(): Promise<readonly RunView[]> {
    const views: RunView[] = []
    for (const [name, { path, updated }] of await this.folders()) {
      const hasModel = await stat(configPath(lastModelPath(path))).then(
        () => true,
        () => false,
      )
      views.push({ name, updated: updated.toISOString(), hasModel })
    }
    return views
  }

  /** @throws Refusal `UNKNOWN_RUN` */
  async folder(name: string): Promise<string> {
    const folders = await this.folders()
    const folder = folders.get(name)
    if (folder !== undefined) return folder.path
    throw unknownRun(name, [...folders.keys()])
  }

  /**
   * Lines of the log whose step is past `after`, in order, up to `MAX_LOG_BYTES`: the last one's step asks for those
   * that follow.
   *
   * @throws Refusal `UNKNOWN_RUN`
   */
  async metrics(name: string, after: number): Promise<readonly MetricsLine[]> {
    const log = await this.log(name)
    const read = async () => {
      const lines: MetricsLine[] = []
      let bytes = 0
      for await (const piece of log.added()) {
        const later = piece.lines.filter(({ step }) => step > after)
        for (const line of later) lines.push(line)
        if (later.length > 0) bytes += piece.bytes
        if (bytes >= MAX_LOG_BYTES) return upToLastStep(lines)
      }
      return [...lines, ...log.last.filter(({ step }) => step > after)]
    }
    return unlessGone(name, read())
  }

  /** The log of a run, to be read as it grows. @throws Refusal `UNKNOWN_RUN` */
  async log(name: string): Promise<RunLog> {
    return new RunLog(metricsPath(await this.folder(name)))
  }

  /** The clips in the run's event files, in order. @throws Refusal `UNKNOWN_RUN` */
  async clips(name: string): Promise<readonly RunClip[]> {
    const found: RunClip[] = []
    for (const [number, file] of (await this.#eventFilesOf(name)).entries()) {
      const clips = await unlessGone(name, file.clips())
      for (const [i, { step, tag }] of clips.entries()) found.push({ id: `${number}-${i}`, step, tag })
    }
    return found
  }

  /** A clip as a WAV file. Only its own event file is read. @throws Refusal `UNKNOWN_RUN`, `NOT_FOUND` */
  async clip(name: string, id: string): Promise<Uint8Array> {
    const files = await this.#eventFilesOf(name)
    const [, number, i] = CLIP_ID.exec(id) ?? []
    const file = files[Number(number)]
    const clip = file === undefined ? undefined : (await unlessGone(name, file.clips()))[Number(i)]
    const wav = clip === undefined ? null : await unlessGone(name, file!.wav(clip))
    if (wav !== null) return wav
    throw new Refusal(404, 'NOT_FOUND', 'the run has no such clip', {
      expected: 'the id of one of its clips',
      got: id,
      hint: 'GET /v1/runs/:name/clips lists them.',
    })
  }

  /** The event files of a run: one for each time it was started, the oldest first. @throws Refusal `UNKNOWN_RUN` */
  async #eventFilesOf(name: string): Promise<readonly EventFile[]> {
    const folder = await this.folder(name)
    const entries = await unlessGone(name, readdir(folder))
    const names = entries.filter(isEventFile).sort()
    return names.map(fileName => this.#eventFile(join(folder, fileName)))
  }

  /** An event file, and what is known of it. */
  #eventFile(path: string): EventFile {
    let file = this.#eventFiles.get(path)
    if (file === undefined) {
      // Runs come and go: those that are still asked for are read once more.
      if (this.#eventFiles.size >= MAX_EVENT_FILES) this.#eventFiles.clear()
      file = new EventFile(path)
      this.#eventFiles.set(path, file)
    }
    return file
  }
}

/** Lines without those of the last step, which may go on in the next piece; all of them if there is no other step. */
function upToLastStep(lines: readonly MetricsLine[]): readonly MetricsLine[] {
  const last = lines.at(-1)!.step
  const others = lines.filter(({ step }) => step !== last)
  return others.length > 0 ? others : lines
}

const LISTED = 'GET /v1/runs lists the runs.'

function unknownRun(name: string, names: readonly string[]): Refusal {
  return new Refusal(404, 'UNKNOWN_RUN', 'unknown training run', {
    ...(names.length === 0 ? {} : { expected: oneOf(names) }),
    got: name,
    hint: LISTED,
    ...suggestion(name, names),
  })
}

/** What reading a run's folder returns. @throws Refusal `UNKNOWN_RUN` if it was removed after it was found */
async function unlessGone<T>(name: string, reading: Promise<T>): Promise<T> {
  return reading.catch(error => {
    if (systemCode(error) !== 'ENOENT') throw error
    throw new Refusal(404, 'UNKNOWN_RUN', 'the training run was removed', { got: name, hint: LISTED })
  })
}
