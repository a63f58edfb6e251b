/** A training run from its files, as somebody dropped them on the page. */
import { decodeMetrics } from '#src/formats/metrics-lines'
import { decodeEvents, type LoggedSound } from '#src/formats/tfevents'
import { decodeSound } from '../audio/decode.js'
import type { Sound } from '../audio/sound.js'
import { wavRate } from '../audio/wav-rate.js'
import { StudioProblem } from '../core/problem.js'
import type { MetricsLine, RunsBackend, SourceFile, TrainingClip, TrainingRun } from './studio-backend.js'

const NAME = 'dropped files'

/** @throws StudioProblem if the file is damaged */
function soundsIn({ name, bytes }: SourceFile): readonly LoggedSound[] {
  try {
    return decodeEvents(bytes, name)
  } catch {
    throw new StudioProblem({
      code: 'CORRUPTED',
      title: `${name} is damaged.`,
      hint: 'Copy it from the run again.',
    })
  }
}

export class DroppedRun implements RunsBackend {
  readonly #lines: readonly MetricsLine[]
  readonly #sounds: readonly LoggedSound[]

  /** @throws StudioProblem if none of the files is of a run, or one is damaged */
  constructor(files: readonly SourceFile[]) {
    const logs = files.filter(({ name }) => name.endsWith('.jsonl'))
    const events = files.filter(({ name }) => name.includes('tfevents'))
    this.#lines = logs.flatMap(({ bytes }) => decodeMetrics(new TextDecoder().decode(bytes)))
    this.#sounds = events.flatMap(soundsIn)
    if (this.#lines.length + this.#sounds.length > 0) return
    throw new StudioProblem({
      code: 'UNSUPPORTED_FORMAT',
      title: 'These are not the files of a training run.',
      expected: 'metrics.jsonl, events.out.tfevents.*',
      got: files.map(({ name }) => name).join(', '),
      hint: 'They are in the folder that `diffwave train --out` names.',
    })
  }

  async list(): Promise<readonly TrainingRun[]> {
    return [{ name: NAME, updated: '', hasModel: false }]
  }

  async *metrics(): AsyncGenerator<readonly MetricsLine[], void, undefined> {
    yield this.#lines
  }

  async clips(): Promise<readonly TrainingClip[]> {
    return this.#sounds.map(({ step, tag }, i) => ({ id: String(i), step, tag }))
  }

  clip(_: string, id: string, signal: AbortSignal): Promise<Sound> {
    const bytes = this.#sounds[Number(id)]!.wav.slice()
    return decodeSound(bytes, wavRate(bytes), { signal })
  }
}
