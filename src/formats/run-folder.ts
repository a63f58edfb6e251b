/**
 * The folder of a training run: where each of its files lies. The trainer writes them, and the service reads them. The
 * files of the lock are its own business (training/run/lock.ts).
 */
import { join } from 'node:path'

/** The state that a run resumes from. */
export function checkpointPath(run: string): string {
  return join(run, 'checkpoint.safetensors')
}

/** The log, one JSON object per line. */
export function metricsPath(run: string): string {
  return join(run, 'metrics.jsonl')
}

/** The model folder with the average of the weights at the last checkpoint. */
export function lastModelPath(run: string): string {
  return join(run, 'model')
}

/** The model folder with the average of the weights at the lowest validation loss. */
export function bestModelPath(run: string): string {
  return join(run, 'best')
}

/** The resampled recordings, kept for the next start. */
export function recordingCachePath(run: string): string {
  return join(run, 'cache')
}

/** How the name of an event file has to begin, so that TensorBoard finds it. */
const EVENT_FILE = 'events.out.tfevents.'

/**
 * An event file for TensorBoard. A run has one for each of its starts.
 *
 * @param seconds whole seconds since 1970 at the start
 */
export function eventFilePath(run: string, seconds: number): string {
  return join(run, `${EVENT_FILE}${seconds}.diffwave`)
}

/** Whether a file of a run's folder is an event file, by its name. */
export function isEventFile(name: string): boolean {
  return name.startsWith(EVENT_FILE)
}
