/** A gap in a recording, and how commands and requests write it. */
import { DiffWaveError, type ErrorDetails } from '../core/errors.js'

/** A gap in a recording. */
export interface Gap {
  /** Seconds from the start of the recording. */
  readonly start: number
  /** Seconds from the start of the recording, after `start`. */
  readonly end: number
}

/**
 * The gap that a text names: its start and end in seconds, as `1.2-1.25`.
 *
 * @param where names the option in errors
 * @throws DiffWaveError `BAD_OPTION`
 */
export function parseGap(text: string, where: string, more: Pick<ErrorDetails, 'hint'> = {}): Gap {
  const [, start, end] = /^(\d*\.?\d+)-(\d*\.?\d+)$/.exec(text) ?? []
  if (start !== undefined && end !== undefined) return { start: Number(start), end: Number(end) }
  throw new DiffWaveError('BAD_OPTION', 'not a gap', {
    expected: 'start-end in seconds, such as 1.2-1.25',
    got: text,
    where,
    ...more,
  })
}
