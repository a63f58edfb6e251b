/**
 * The report on copy synthesis: tables, spectrograms side by side and players; the same numbers as JSON and as text.
 */
import { namedConventions } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { melRange } from '../../audio/mel/value-scale.js'
import { drawMel } from '../../audio/picture.js'
import { COMPARED_RATE, type Measure, type Measurements, measures } from '../vocoder/measures.js'
import { type FileEvaluation, ORIGINAL, type VocoderEvaluation } from '../vocoder/vocoder-evaluation.js'
import { captioned, escapeHtml, figure, image, leftOutParts, page, player, sounds, table } from './html.js'
import { textTable } from './text-table.js'

/** Up to half the sample rate, to show also what the usual mels do not cover. */
const pictured = { ...namedConventions.tacotron2, maxFrequency: COMPARED_RATE / 2 }
/** Smaller amplitudes (natural logarithm) are black. */
const DARKEST = Math.log(1e-4)

const keys = Object.keys(measures) as Measure[]
const heading = (measure: Measure) => {
  const { title, unit } = measures[measure]
  return unit === '' ? title : `${title}, ${unit}`
}
const row = (measurements: Measurements) => keys.map(key => figure(measurements[key]))

function listen({ name, audio }: FileEvaluation): string {
  const mels = [...audio].map(([system, samples]) => ({
    system,
    samples,
    mel: melSpectrogram({ samples, sampleRate: COMPARED_RATE }, pictured),
  }))
  const original = mels.find(({ system }) => system === ORIGINAL)!
  const range = { min: DARKEST, max: melRange(original.mel).max }
  const figures = mels.map(({ system, samples, mel }) => {
    const picture = image(drawMel(mel, range), `spectrogram of ${name}, ${system}`)
    return captioned(system, picture + player(samples, COMPARED_RATE))
  })
  return `<h3>${escapeHtml(name)}</h3>${sounds(figures, name)}`
}

/** @param facts how the copies were made: steps, seed, engine */
export function vocoderReport(
  evaluation: VocoderEvaluation,
  title: string,
  facts: Readonly<Record<string, string>>,
): string {
  const { files, overall, leftOut, seconds, systems } = evaluation
  const notes = [
    `${files.length} recordings, ${seconds.toFixed(1)} s, compared at ${COMPARED_RATE} Hz.`,
    'Differences are copy minus original. Voicing F1 is best at 1, all others at 0.',
    'What the network contributes is the difference between a model and the same model with its last layer zeroed.',
  ]
  const parts = [
    `<p>${notes.map(escapeHtml).join(' ')}</p>`,
    table(['', ''], Object.entries(facts)),
    '<h2>Overall</h2>',
    table(
      ['mean over files', ...systems],
      keys.map(key => [heading(key), ...systems.map(system => figure(overall.get(system)![key]))]),
    ),
    ...leftOutParts(leftOut),
    ...(files.some(({ audio }) => audio.size > 0) ? ['<h2>Listen</h2>'] : []),
    ...files.filter(({ audio }) => audio.size > 0).map(listen),
    '<h2>By file</h2>',
    ...systems.flatMap(system => [
      `<h3>${escapeHtml(system)}</h3>`,
      table(
        ['file', 'seconds', ...keys.map(heading)],
        files.map(file => [file.name, figure(file.seconds), ...row(file.measurements.get(system)!)]),
      ),
    ]),
  ]
  return page(title, parts.join('\n'))
}

/** The numbers, ready for JSON. */
export function vocoderJson({ files, overall, leftOut, seconds }: VocoderEvaluation) {
  return {
    seconds,
    overall: Object.fromEntries(overall),
    files: files.map(({ name, seconds, melGiven, measurements, lengthDifferences }) => ({
      name,
      seconds,
      melGiven,
      systems: Object.fromEntries(measurements),
      ...(lengthDifferences.size === 0 ? {} : { lengthDifferences: Object.fromEntries(lengthDifferences) }),
    })),
    leftOut,
  }
}

/** The means as a table for a terminal: a row per measure, a column per system. */
export function vocoderLines({ systems, overall, files, seconds }: VocoderEvaluation): string[] {
  const count = files.length === 1 ? '1 recording' : `${files.length} recordings`
  const rows = keys
    .map(key => [heading(key), ...systems.map(system => figure(overall.get(system)![key]))] as const)
    .filter(([, ...numbers]) => numbers.some(number => number !== figure(null)))
  return [`${count}, ${seconds.toFixed(1)} s. Voicing F1 is best at 1, all others at 0.`, ...textTable(systems, rows)]
}
