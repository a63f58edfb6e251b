/** Training runs to watch: what `diffwave train` leaves in its folder. Clients name runs and clips, never paths. */
import type { FileHandle } from 'node:fs/promises'
import { open, readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { suggestion } from '../core/suggest.js'
import { systemCode } from '../core/system-code.js'
import { decodeMetrics, type MetricsLine } from '../formats/metrics-lines.js'
import { decodeEvents } from '../formats/tfevents.js'
import { MAX_LOG_BYTES } from './limits.js'
import { Refusal } from './refusal.js'

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

const METRICS = 'metrics.jsonl'

/** A run's folder, and when its log was last written. */
export interface RunFolder {
  readonly path: string
  readonly updated: Date
}

/** The run in a folder; null if there is none. */
async function runIn(path: string): Promise<RunFolder | null> {
  const status = await stat(join(path, METRICS)).catch(() => null)
  return status?.isFile() ? { path, updated: status.mtime } : null
}

export class TrainingRuns {
  readonly #roots: readonly string[]

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
      const entries = await readdir(root, { withFileTypes: true }).catch(() => [])
      for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        if (entry.isDirectory()) add(await runIn(join(root, entry.name)))
      }
    }
    return found
  }

  async list(): Promise<readonly RunView[]> {
    const views: RunView[] = []
    for (const [name, { path, updated }] of await this.folders()) {
      const hasModel = await stat(join(path, 'model', 'config.json')).then(
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

  /** Lines of the log whose step is past `after`, in order. @throws Refusal `UNKNOWN_RUN` */
  async metrics(name: string, after: number): Promise<readonly MetricsLine[]> {
    const folder = await this.folder(name)
    const bytes = await unlessGone(name, readStart(join(folder, METRICS)))
    return decodeMetrics(new TextDecoder().decode(bytes), after)
  }

  /** The clips in the run's event files, in order. @throws Refusal `UNKNOWN_RUN` */
  async clips(name: string): Promise<readonly RunClip[]> {
    return (await this.#sounds(name)).map(({ id, step, tag }) => ({ id, step, tag }))
  }

  /** A clip as a WAV file. @throws Refusal `UNKNOWN_RUN`, `NOT_FOUND` */
  async clip(name: string, id: string): Promise<Uint8Array> {
    const sound = (await this.#sounds(name)).find(other => other.id === id)
    if (sound !== undefined) return sound.wav
    throw new Refusal(404, 'NOT_FOUND', 'the run has no such clip', { expected: 'the id of one of its clips', got: id })
  }

  async #sounds(name: string): Promise<readonly (RunClip & { readonly wav: Uint8Array })[]> {
    const folder = await this.folder(name)
    const entries = await unlessGone(name, readdir(folder))
    const files = entries.filter(file => file.startsWith('events.out.tfevents.')).sort()
    const sounds: (RunClip & { readonly wav: Uint8Array })[] = []
    for (const [file, fileName] of files.entries()) {
      const bytes = await unlessGone(name, readStart(join(folder, fileName)))
      for (const { step, tag, wav } of decodeEvents(bytes))
        sounds.push({ id: `${file}-${sounds.length}`, step, tag, wav })
    }
    return sounds
  }
}

function unknownRun(name: string, names: readonly string[]): Refusal {
  return new Refusal(404, 'UNKNOWN_RUN', 'unknown training run', {
    expected: names.length === 0 ? 'a service that was given runs' : `one of ${names.join(', ')}`,
    got: name,
    ...suggestion(name, names),
  })
}

/** What reading a run's folder returns. @throws Refusal `UNKNOWN_RUN` if it was removed after it was found */
async function unlessGone<T>(name: string, reading: Promise<T>): Promise<T> {
  return reading.catch(error => {
    if (systemCode(error) !== 'ENOENT') throw error
    throw new Refusal(404, 'UNKNOWN_RUN', 'the training run was removed', {
      expected: 'a run whose folder exists',
      got: name,
    })
  })
}

/** A file up to `MAX_LOG_BYTES`. */
async function readStart(path: string): Promise<Uint8Array> {
  const handle: FileHandle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    const bytes = new Uint8Array(Math.min(size, MAX_LOG_BYTES))
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
