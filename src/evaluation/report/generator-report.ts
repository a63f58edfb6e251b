/** The report on a generator: tables, spectrograms and players; the same numbers as JSON and as text. */
import { labelAt } from '../../audio/labels.js'
import { drawMel } from '../../audio/picture.js'
import { clipPattern, recordingPattern } from '../generator/clip-pattern.js'
import type { ClipAudio } from '../generator/clip-set.js'
import { ENOUGH_CLIPS, type GeneratorEvaluation, setNames } from '../generator/generator-evaluation.js'
import type { Spread } from '../statistics/moments.js'
import { captioned, figure, image, leftOutParts, page, player, sounds, table } from './html.js'

const titles = {
  generated: 'generated',
  reference: 'held-out real',
  training: 'training',
  noise: 'noise with the data’s average spectrum',
  shuffled: 'real, in shuffled pieces of 50 ms',
} as const

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

function sound({ name, samples, label: own }: ClipAudio, sampleRate: number): string {
  const label = labelAt(own, 0)
  const whole = recordingPattern(samples, sampleRate)
  const { data, frames, bands } = clipPattern(whole, 0, whole.frames)
  const transposed = Float32Array.from(
    { length: data.length },
    (_, i) => data[(i % frames) * bands + Math.floor(i / frames)]!,
  )
  const picture = drawMel({ data: transposed, bands, frames }, { min: -1, max: 0 })
  const title = label === '' ? name : `${label} (${name})`
  return captioned(title, image(picture, `spectrogram of ${name}`) + player(samples, sampleRate))
}

function frechetParts({ clips, frechet }: GeneratorEvaluation): string[] {
  const few = setNames.filter(name => (clips[name] ?? ENOUGH_CLIPS) < ENOUGH_CLIPS).map(name => titles[name])
  const value = (found: number | undefined) => (found === undefined ? '–' : figure(found))
  return [
    ...(few.length === 0
      ? []
      : [`<p>Fewer than ${ENOUGH_CLIPS} clips: ${few.join(', ')}. Their Fréchet distances are overestimated.</p>`]),
    '<h2>Fréchet distance</h2>',
    table(
      ['set', 'clips', 'to the held-out clips', 'to the training clips'],
      setNames
        .filter(name => clips[name] !== undefined)
        .map(name => [
          titles[name],
          String(clips[name]),
          value(frechet.toReference[name]),
          value(frechet.toTraining[name]),
        ]),
    ),
  ]
}

function characterParts({ character }: GeneratorEvaluation): string[] {
  const spreads = (name: keyof typeof character) => {
    const { onsetRate, pitchSalience } = character[name]
    return [onsetRate.mean, onsetRate.deviation, pitchSalience.mean, pitchSalience.deviation].map(figure)
  }
  return [
    '<h2>Onsets and pitch salience</h2>',
    table(
      ['set', 'onsets per second, mean', 'deviation', 'pitch salience, mean', 'deviation'],
      (['generated', 'reference', 'noise', 'shuffled'] as const).map(name => [titles[name], ...spreads(name)]),
    ),
  ]
}

function memorisationParts({ memorisation, mostAlike }: GeneratorEvaluation): string[] {
  if (memorisation === null) return []
  return [
    '<h2>Memorisation</h2>',
    table(
      ['distance to the nearest training clip, dB', 'smallest', 'first percentile', 'median'],
      (['generated', 'reference'] as const).map(name => {
        const { smallest, firstPercentile, median } = memorisation[name]
        return [titles[name], figure(smallest), figure(firstPercentile), figure(median)]
      }),
    ),
    table(
      ['nearest generated clips', 'training clip', 'distance, dB'],
      mostAlike.map(({ generated, training, distance }) => [generated, training, figure(distance)]),
    ),
  ]
}

function diversityParts({ diversity }: GeneratorEvaluation): string[] {
  return [
    '<h2>Diversity</h2>',
    table(
      [
        'set',
        'mean distance between two clips, dB',
        'distance to the nearest other clip, dB: first percentile',
        'median',
      ],
      (['generated', 'reference'] as const).map(name => {
        const { mean, nearestOther } = diversity[name]
        return [
          titles[name],
          figure(mean),
          figure(nearestOther?.firstPercentile ?? null),
          figure(nearestOther?.median ?? null),
        ]
      }),
    ),
  ]
}

function classifierParts({ classifier }: GeneratorEvaluation): string[] {
  if (classifier === null) return []
  const { heldOut, generated, byLabel, labels } = classifier
  return [
    '<h2>Labels</h2>',
    `<p>A classifier trained on the training clips recognises the label of ${percent(heldOut.accuracy)} of ` +
      `${heldOut.clips} held-out real clips, and of ${percent(generated.accuracy)} of ${generated.clips} ` +
      'generated clips.</p>',
    table(
      ['requested label', 'clips', 'accuracy', ...labels.map(label => `recognised as ${label}`)],
      [...byLabel].map(([label, { clips, accuracy, takenFor }]) => [
        label,
        String(clips),
        percent(accuracy),
        ...labels.map(other => String(takenFor.get(other) ?? 0)),
      ]),
    ),
  ]
}

/** @param examples generated clips to include @param facts how the clips were made: steps, seed, engine */
export function generatorReport(
  evaluation: GeneratorEvaluation,
  title: string,
  facts: Readonly<Record<string, string>>,
  examples: readonly ClipAudio[],
): string {
  const { seconds, sampleRate, dimensions, leftOut } = evaluation
  const parts = [
    table(['', ''], Object.entries(facts)),
    `<p>Clips of ${seconds} s at ${sampleRate} Hz. Fréchet distances are those of ${dimensions} log-mel modulation ` +
      'features, each in units of its standard deviation in the data. Distances between clips are root-mean-square ' +
      'differences of their spectrograms in dB.</p>',
    ...frechetParts(evaluation),
    ...characterParts(evaluation),
    ...memorisationParts(evaluation),
    ...diversityParts(evaluation),
    ...classifierParts(evaluation),
    ...leftOutParts(leftOut),
    '<h2>Listen</h2>',
    sounds(examples.map(clip => sound(clip, sampleRate))),
  ]
  return page(title, parts.join('\n'))
}

/** The numbers, ready for JSON. */
export function generatorJson(evaluation: GeneratorEvaluation) {
  const { classifier } = evaluation
  return {
    ...evaluation,
    classifier:
      classifier === null
        ? null
        : {
            ...classifier,
            byLabel: Object.fromEntries(
              [...classifier.byLabel].map(([label, own]) => [
                label,
                { ...own, takenFor: Object.fromEntries(own.takenFor) },
              ]),
            ),
          },
  }
}

function spreadText({ mean, deviation }: Spread): string {
  return `${figure(mean)} ± ${figure(deviation)}`
}

/** The main numbers as lines, for a terminal. */
export function generatorLines({
  frechet,
  memorisation,
  diversity,
  character,
  classifier,
}: GeneratorEvaluation): string[] {
  const listed = (distances: Readonly<Record<string, number>>) =>
    Object.entries(distances)
      .map(([name, found]) => `${name} ${figure(found)}`)
      .join(', ')
  const { generated, reference } = character
  return [
    `Fréchet distance to held-out clips: ${listed(frechet.toReference)}`,
    ...(Object.keys(frechet.toTraining).length === 0
      ? []
      : [`Fréchet distance to training clips: ${listed(frechet.toTraining)}`]),
    ...(memorisation === null
      ? []
      : [
          `nearest training clip, first percentile: generated ${figure(memorisation.generated.firstPercentile)} dB, ` +
            `held-out ${figure(memorisation.reference.firstPercentile)} dB`,
        ]),
    `mean distance between two clips: generated ${figure(diversity.generated.mean)} dB, ` +
      `held-out ${figure(diversity.reference.mean)} dB`,
    `onsets per second: generated ${spreadText(generated.onsetRate)}, held-out ${spreadText(reference.onsetRate)}`,
    `pitch salience: generated ${spreadText(generated.pitchSalience)}, held-out ${spreadText(reference.pitchSalience)}`,
    ...(classifier === null
      ? []
      : [
          `label accuracy: ${percent(classifier.generated.accuracy)} of ${classifier.generated.clips} generated, ` +
            `${percent(classifier.heldOut.accuracy)} of ${classifier.heldOut.clips} held-out; worst label ` +
            percent(Math.min(...[...classifier.byLabel.values()].map(({ accuracy }) => accuracy))),
        ]),
  ]
}
