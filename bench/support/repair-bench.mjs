/** Options and recordings of the repair benchmarks. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readAudio } from '../../dist/audio/codecs/decode.js'
import { resample } from '../../dist/audio/resample.js'

/**
 * Command-line options; strings unless `type` says otherwise. Exits with status 2 if a required one is missing.
 *
 * @returns {Record<string, any>}
 */
export function options(definitions) {
  const { values } = parseArgs({
    options: Object.fromEntries(
      Object.entries(definitions).map(([name, { required: _, ...definition }]) => [
        name,
        { type: 'string', ...definition },
      ]),
    ),
  })
  for (const [name, { required }] of Object.entries(definitions)) {
    if (!required || values[name] !== undefined) continue
    console.error(`--${name} is missing; the first lines of the script list its options`)
    process.exit(2)
  }
  return values
}

/** Paths of the WAV and FLAC files below a folder, sorted. */
export function recordings(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(file => /\.(wav|flac)$/.test(file))
    .sort()
    .map(file => join(folder, file))
}

/** Samples of a recording, resampled to `sampleRate`. */
export async function loadRecording(path, sampleRate) {
  return (await resample(await readAudio(path), sampleRate)).samples
}
