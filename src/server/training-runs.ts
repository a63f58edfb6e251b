/** Training runs to watch: what `diffwave train` leaves in its folder. Clients name runs and clips, never paths. */
import type { FileHandle } from 'node:fs/promises'
import { open, readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { suggestion } from '../core/suggest.js'
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

async function isRun(folder: string): Promise<boolean> {
  return stat(join(folder, METRICS)).then(
    status => status.isFile(),
    () => false,
  )
}

export class TrainingRuns {
  readonly #roots: readonly string[]

  /** @param roots folders of runs, or folders that hold such folders */
  constructor(roots: readonly string[]) {
    this.#roots = roots.map(root => resolve(root))
  }

  /** The runs, by name. A name that is taken gets a number. */
  async folders(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    const add = (folder: string) => {
      const name = basename(folder)
      let free = name
      for (let n = 2; found.has(free); n++) free = `${name}-${n}`
      found.set(free, folder)
    }
    for (const root of this.#roots) {
      if (await isRun(root)) {
        add(root)
        continue
      }
      const entries = await readdir(root, { withFileTypes: true }).catch(() => [])
      for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        if (entry.isDirectory() && (await isRun(join(root, entry.name)))) add(join(root, entry.name))
      }
    }
    return found
  }

  async list(): Promise<readonly RunView[]> {
    const views: RunView[] = []
    for (const [name, folder] of await this.folders()) {
      const { mtime } = await stat(join(folder, METRICS))
      const hasModel = await stat(join(folder, 'model', 'config.json')).then(
        () => true,
        () => false,
      )
      views.push({ name, updated: mtime.toISOString(), hasModel })
    }
    return views
  }

  /** @throws Refusal `UNKNOWN_RUN` */
  async folder(name: string): Promise<string> {
    const folders = await this.folders()
    const folder = folders.get(name)
    if (folder !== undefined) return folder
    const names = [...folders.keys()]
    throw new Refusal(404, 'UNKNOWN_RUN', 'unknown training run', {
      expected: names.length === 0 ? 'a service that was given runs' : `one of ${names.join(', ')}`,
      got: name,
      ...suggestion(name, names),
    })
  }

  /** Lines of the log whose step is past `after`, in order. @throws Refusal `UNKNOWN_RUN` */
  async metrics(name: string, after: number): Promise<readonly MetricsLine[]> {
    const text = new TextDecoder().decode(await readStart(join(await this.folder(name), METRICS)))
    return decodeMetrics(text, after)
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
    const files = (await readdir(folder)).filter(file => file.startsWith('events.out.tfevents.')).sort()
    const sounds: (RunClip & { readonly wav: Uint8Array })[] = []
    for (const [file, fileName] of files.entries()) {
      const bytes = await readStart(join(folder, fileName))
      for (const { step, tag, wav } of decodeEvents(bytes))
        sounds.push({ id: `${file}-${sounds.length}`, step, tag, wav })
    }
    return sounds
  }
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
