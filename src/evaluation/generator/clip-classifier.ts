/**
 * The label accuracy of generated clips: a classifier is trained on the training clips, tested on held-out real clips,
 * and applied to the generated ones.
 */
import { Classifier, type Example } from './classifier.js'
import { stretchedPattern } from './clip-pattern.js'
import { type Clip, type ClipSet, spreadOver } from './clip-set.js'
import { mapInTurns } from './in-turns.js'
import { Modulation } from './modulation.js'

/** Frames that a clip is stretched to. */
const FRAMES = 24
/** Orders of the modulation features along each axis. */
const ORDERS = 16
/**
 * Maximum number of training clips to learn from, spread over the set: clips of long recordings overlap, and training
 * should take seconds.
 */
const MAX_EXAMPLES = 6000

/** How often the clips of one label are recognised. */
export interface LabelAccuracy {
  /** Number of generated clips of the label. */
  readonly clips: number
  /** Share recognised as the label that was asked for. */
  readonly accuracy: number
  /** Number of clips by the label that they were recognised as. */
  readonly takenFor: ReadonlyMap<string, number>
}

/** Share of clips that are recognised as what they are. */
export interface Accuracy {
  /** Number of clips. */
  readonly clips: number
  /** Share recognised, 0 to 1. */
  readonly accuracy: number
}

/** The label accuracy, measured by a classifier that was trained on the training clips. */
export interface ClassifierResult {
  /** The labels that the classifier knows. */
  readonly labels: readonly string[]
  /** Its accuracy on held-out real clips, which says how far it can be trusted. */
  readonly heldOut: Accuracy
  /** Its accuracy on generated clips, compared with the labels that were asked for. */
  readonly generated: Accuracy
  /** The same for each label. */
  readonly byLabel: ReadonlyMap<string, LabelAccuracy>
}

/**
 * @returns null if the training clips have fewer than two labels, or no generated or no held-out clip has one of them
 */
export async function classifyClips(
  sets: { readonly training: ClipSet; readonly heldOut: ClipSet; readonly generated: ClipSet },
  seed: number,
  signal?: AbortSignal,
): Promise<ClassifierResult | null> {
  const labels = [...new Set(sets.training.clips.map(({ label }) => label))].filter(label => label !== '').sort()
  if (labels.length < 2) return null
  const known = (set: ClipSet) => set.clips.filter(({ label }) => labels.includes(label))
  const [heldOut, generated] = [known(sets.heldOut), known(sets.generated)]
  if (heldOut.length === 0 || generated.length === 0) return null
  const modulation = new Modulation(FRAMES, sets.training.clips[0]!.pattern.bands, ORDERS, ORDERS)
  const example = ({ pattern, first, label }: Clip): Example => ({
    features: modulation.features(stretchedPattern(pattern, first, sets.training.frames, FRAMES)),
    label: labels.indexOf(label),
  })
  const examples = await mapInTurns(spreadOver(known(sets.training), MAX_EXAMPLES), example, signal)
  const classifier = await Classifier.train(examples, labels, { seed, signal })
  const answer = (clip: Clip) => {
    const { features, label } = example(clip)
    return { label, found: classifier.classify(features) }
  }
  const accuracy = (given: readonly { label: number; found: number }[]) =>
    given.filter(({ label, found }) => label === found).length / given.length
  const ofGenerated = await mapInTurns(generated, answer, signal)
  const ofHeldOut = await mapInTurns(heldOut, answer, signal)
  const byLabel = new Map<string, LabelAccuracy>()
  for (const [index, label] of labels.entries()) {
    const own = ofGenerated.filter(({ label: asked }) => asked === index)
    if (own.length === 0) continue
    const takenFor = new Map<string, number>()
    for (const { found } of own) takenFor.set(labels[found]!, (takenFor.get(labels[found]!) ?? 0) + 1)
    byLabel.set(label, { clips: own.length, accuracy: accuracy(own), takenFor })
  }
  return {
    labels,
    heldOut: { clips: heldOut.length, accuracy: accuracy(ofHeldOut) },
    generated: { clips: generated.length, accuracy: accuracy(ofGenerated) },
    byLabel,
  }
}
