/**
 * Finds a network's parameters in whatever structure a trainer wrapped them in: `model`, `state_dict` (Lightning),
 * `model_state_dict`, `ema`, or nothing; with prefixes such as `module.` (DistributedDataParallel), `_orig_mod.`
 * (`torch.compile`), `generator.` or `online_model.` (ema_pytorch); with weight norm in either of PyTorch's spellings.
 * Optimiser states and other values beside them are ignored.
 */
import { DiffWaveError, shortClause } from '../../core/errors.js'
import { elementCount, type Tensor, type Tensors } from '../../core/tensor.js'
import { stateDict } from '../../formats/pytorch.js'
import { TorchTensor, type TorchValue } from '../../formats/torch-pickle.js'

/** The project whose parameter names a checkpoint has. */
export type Project = 'lmnt' | 'philsyn'

/** A network that was found in a checkpoint. */
export interface FoundNetwork {
  readonly project: Project
  /** The parameters under the project's own names, with prefixes and weight norm removed. */
  readonly tensors: ReadonlyMap<string, Tensor>
  /** Sentences for the user on what was chosen among several networks, or left out. */
  readonly notes: readonly string[]
}

/** A parameter that every network of a project has, without the endings that weight norm changes. */
const MARKERS: Readonly<Record<Project, string>> = {
  lmnt: 'residual_layers.0.dilated_conv',
  philsyn: 'residual_layer.residual_blocks.0.fc_t',
}
/** Where trainers put the network, best first. */
const PREFERRED = ['model', 'state_dict', 'model_state_dict', 'generator', 'net', 'ema', 'ema_model', 'model_ema']
/** How deep dictionaries and lists are searched, and how many: real checkpoints have the network at depth 1 or 2. */
const MAX_DEPTH = 5
const MAX_DICTIONARIES = 10_000
/** How many networks a note names. */
const MAX_NAMED = 9

/** The spellings of a weight-normalised parameter: `torch.nn.utils.weight_norm`, and its parametrised successor. */
const WEIGHT_NORMS = [
  { direction: /\.weight_v$/, length: '.weight_g' },
  { direction: /\.parametrizations\.weight\.original1$/, length: '.parametrizations.weight.original0' },
] as const

type Dictionary = ReadonlyMap<TorchValue, TorchValue>

/** Where a dictionary lies. */
interface Place {
  /** Names of the dictionaries and indices of the lists around it, and its own name. */
  readonly path: readonly string[]
  /** Place of its name in `PREFERRED`. */
  readonly rank: number
}

interface Candidate extends Marker, Place {
  readonly dictionary: Dictionary
  /** Whether the dictionary holds other networks, too. */
  readonly isOneOfSeveral: boolean
}

/**
 * The network in a PyTorch checkpoint; null if no dictionary has the names of a known project.
 *
 * @param root what `decodeTorch` returned
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_CHECKPOINT`, `TOO_LARGE`
 */
export function findNetwork(root: TorchValue, where: string): FoundNetwork | null {
  const candidates = findCandidates(root)
  const chosen = candidates[0]
  if (chosen === undefined) return null
  const own = new Map<TorchValue, TorchValue>()
  for (const [name, value] of chosen.dictionary) {
    if (typeof name === 'string' && name.startsWith(chosen.prefix) && value instanceof TorchTensor) {
      own.set(name.slice(chosen.prefix.length), value)
    }
  }
  const tensors = foldWeightNorms(stateDict(own, where), where)
  return { project: chosen.project, tensors, notes: notesOf(candidates.map(titleParts)) }
}

/** The names that lead to a network. */
function titleParts({ path, prefix, isOneOfSeveral }: Candidate): readonly string[] {
  return isOneOfSeveral ? [...path, prefix] : path
}

/**
 * A note if a checkpoint holds several networks.
 *
 * @param networks the names that lead to each. The first network was read
 */
function notesOf(networks: readonly (readonly string[])[]): readonly string[] {
  if (networks.length < 2) return []
  const shown = networks.slice(0, MAX_NAMED).map(
    parts =>
      parts
        .map(part => shortClause(part).replace(/\.$/, ''))
        .filter(part => part !== '')
        .join('.') || 'the top level',
  )
  const others = shown.slice(1).join(', ') + (networks.length > MAX_NAMED ? ', …' : '')
  return [`The checkpoint holds several networks. “${shown[0]}” was read; not read: ${others}.`]
}

/**
 * The network in a dictionary of tensors, as a safetensors file has it; null if it has the names of no known project.
 *
 * @throws DiffWaveError `BAD_CHECKPOINT`
 */
export function networkOfTensors(tensors: Tensors, where: string): FoundNetwork | null {
  const markers = findMarkers(tensors.keys())
  const [marker] = markers
  if (marker === undefined) return null
  const own = new Map<string, Tensor>()
  for (const [name, tensor] of tensors) {
    if (name.startsWith(marker.prefix)) own.set(name.slice(marker.prefix.length), tensor)
  }
  return {
    project: marker.project,
    tensors: foldWeightNorms(own, where),
    notes: notesOf(markers.map(({ prefix }) => [prefix])),
  }
}

/** Every network in a checkpoint, the preferred ones first. */
function findCandidates(root: TorchValue): readonly Candidate[] {
  const found: Candidate[] = []
  for (const [dictionary, place] of dictionariesOf(root)) {
    const markers = findMarkers(stringsOf(dictionary.keys()))
    // Only among several does the prefix say which network it is.
    for (const marker of markers) found.push({ ...place, ...marker, isOneOfSeveral: markers.length > 1, dictionary })
  }
  return found.sort((a, b) => a.rank - b.rank)
}

/** Every dictionary in a checkpoint, and its best place. One that lies in several places is searched once. */
function dictionariesOf(root: TorchValue): ReadonlyMap<Dictionary, Place> {
  const found = new Map<Dictionary, Place>()
  const entered = new Set<TorchValue>()
  const queue: { readonly value: TorchValue; readonly path: readonly string[] }[] = [{ value: root, path: [] }]
  for (let at = 0; at < queue.length; at++) {
    const { value, path } = queue[at]!
    if (value instanceof Map) {
      const index = PREFERRED.indexOf(path.at(-1) ?? '')
      const rank = index < 0 ? PREFERRED.length : index
      const known = found.get(value)
      if (known === undefined || rank < known.rank) found.set(value, { path, rank })
    }
    if (entered.has(value) || path.length === MAX_DEPTH) continue
    entered.add(value)
    for (const [name, inner] of entriesOf(value)) {
      if (queue.length >= MAX_DICTIONARIES) break
      if (isContainer(inner)) queue.push({ value: inner, path: [...path, name] })
    }
  }
  return found
}

/** What a list or a dictionary holds, by its index or its name. */
function* entriesOf(value: TorchValue): Generator<readonly [string, TorchValue], void, undefined> {
  if (Array.isArray(value)) for (const [i, inner] of value.entries()) yield [`${i}`, inner]
  if (value instanceof Map) for (const name of stringsOf(value.keys())) yield [name, value.get(name)!]
}

function* stringsOf(values: Iterable<TorchValue>): Generator<string, void, undefined> {
  for (const value of values) if (typeof value === 'string') yield value
}

function isContainer(value: TorchValue): boolean {
  return value instanceof Map || Array.isArray(value)
}

/** A project whose marker is among some names, and what stands before it. */
interface Marker {
  readonly project: Project
  readonly prefix: string
}

/** The networks among names, averages last. */
function findMarkers(names: Iterable<string>): readonly Marker[] {
  const found = new Map<string, Project>()
  for (const name of names) {
    for (const project of ['lmnt', 'philsyn'] as const) {
      const at = name.indexOf(`${MARKERS[project]}.`)
      if (at < 0 || (at > 0 && name[at - 1] !== '.')) continue
      const prefix = name.slice(0, at)
      if (!found.has(prefix) && found.size < MAX_DICTIONARIES) found.set(prefix, project)
    }
  }
  const isAverage = (prefix: string) => Number(/(^|[._])ema[._]/.test(prefix))
  return [...found]
    .map(([prefix, project]) => ({ project, prefix }))
    .sort((a, b) => isAverage(a.prefix) - isAverage(b.prefix))
}

/** Tensors with every weight norm folded: w = g · v/‖v‖. */
function foldWeightNorms(tensors: Tensors, where: string): ReadonlyMap<string, Tensor> {
  const folded = new Map<string, Tensor>()
  for (const [name, tensor] of tensors) {
    if (WEIGHT_NORMS.some(({ length }) => name.endsWith(length))) continue
    const norm = WEIGHT_NORMS.find(({ direction }) => direction.test(name))
    if (norm === undefined) {
      folded.set(name, tensor)
      continue
    }
    const stem = name.replace(norm.direction, '')
    const length = tensors.get(stem + norm.length)
    if (length === undefined) {
      throw new DiffWaveError('BAD_CHECKPOINT', `${name} has no ${norm.length.slice(1)} beside it`, { where })
    }
    folded.set(`${stem}.weight`, foldWeightNorm(length, tensor, where))
  }
  return folded
}

/**
 * w = g · v/‖v‖, the norm over all axes but the first (torch.nn.utils.weight_norm, dim 0). If g is the rounded norm of
 * v, as in a network that was just normalised, w is v itself.
 */
function foldWeightNorm(g: Tensor, v: Tensor, where: string): Tensor {
  const rows = v.shape[0]!
  if (g.data.length !== rows) throw new DiffWaveError('BAD_CHECKPOINT', 'a weight norm has the wrong size', { where })
  const width = elementCount(v.shape) / rows
  const data = new Float32Array(v.data.length)
  for (let row = 0; row < rows; row++) {
    let squares = 0
    for (let i = row * width; i < (row + 1) * width; i++) squares += v.data[i]! ** 2
    const norm = Math.sqrt(squares)
    const scale = g.data[row]! === Math.fround(norm) ? 1 : g.data[row]! / norm
    for (let i = row * width; i < (row + 1) * width; i++) data[i] = v.data[i]! * scale
  }
  return { shape: v.shape, data }
}
