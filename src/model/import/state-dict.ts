/**
 * Finds a network's parameters in whatever structure a trainer wrapped them in: `model`, `state_dict` (Lightning),
 * `model_state_dict`, `ema`, or nothing; with prefixes such as `module.` (DistributedDataParallel), `_orig_mod.`
 * (`torch.compile`), `generator.` or `online_model.` (ema_pytorch); with weight norm in either of PyTorch's spellings.
 * Optimiser states and other values beside them are ignored.
 */
import { DiffWaveError } from '../../core/errors.js'
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

/** The spellings of a weight-normalised parameter: `torch.nn.utils.weight_norm`, and its parametrised successor. */
const WEIGHT_NORMS = [
  { direction: /\.weight_v$/, length: '.weight_g' },
  { direction: /\.parametrizations\.weight\.original1$/, length: '.parametrizations.weight.original0' },
] as const

interface Candidate extends Marker {
  /** Names of the dictionaries that it lies in, and its prefix if several lie in one. */
  readonly path: string
  /** Place in `PREFERRED`. */
  readonly rank: number
  readonly dictionary: ReadonlyMap<TorchValue, TorchValue>
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
  const others = candidates.slice(1).map(({ path }) => path)
  const tensors = foldWeightNorms(stateDict(own, where), where)
  return { project: chosen.project, tensors, notes: notesOf(chosen.path, others) }
}

function notesOf(chosen: string, others: readonly string[]): readonly string[] {
  if (others.length === 0) return []
  return [`The checkpoint holds several networks. “${chosen}” was read; not read: ${others.join(', ')}.`]
}

/**
 * The network in a dictionary of tensors, as a safetensors file has it; null if it has the names of no known project.
 *
 * @throws DiffWaveError `BAD_CHECKPOINT`
 */
export function networkOfTensors(tensors: Tensors, where: string): FoundNetwork | null {
  const [marker, ...others] = findMarkers(tensors.keys())
  if (marker === undefined) return null
  const own = new Map<string, Tensor>()
  for (const [name, tensor] of tensors) {
    if (name.startsWith(marker.prefix)) own.set(name.slice(marker.prefix.length), tensor)
  }
  const title = ({ prefix }: Marker) => prefix.replace(/\.$/, '') || 'the top level'
  return {
    project: marker.project,
    tensors: foldWeightNorms(own, where),
    notes: notesOf(title(marker), others.map(title)),
  }
}

/** Every dictionary that holds a known network, the preferred ones first. */
function findCandidates(root: TorchValue): readonly Candidate[] {
  const found: Candidate[] = []
  const queue: { readonly value: TorchValue; readonly path: readonly string[] }[] = [{ value: root, path: [] }]
  for (let at = 0; at < queue.length && at < MAX_DICTIONARIES; at++) {
    const { value, path } = queue[at]!
    if (Array.isArray(value)) {
      if (path.length === MAX_DEPTH) continue
      for (const [i, inner] of value.entries()) {
        if (queue.length < MAX_DICTIONARIES && isContainer(inner)) queue.push({ value: inner, path: [...path, `${i}`] })
      }
      continue
    }
    if (!(value instanceof Map)) continue
    const names = [...value.keys()].filter((name): name is string => typeof name === 'string')
    const markers = findMarkers(names)
    const index = PREFERRED.indexOf(path.at(-1) ?? '')
    const rank = index < 0 ? PREFERRED.length : index
    for (const marker of markers) {
      // Only among several does the prefix say which network it is.
      const place = markers.length === 1 ? path : [...path, marker.prefix.replace(/\.$/, '')]
      found.push({
        path: place.filter(part => part !== '').join('.') || 'the top level',
        rank,
        dictionary: value,
        ...marker,
      })
    }
    if (path.length === MAX_DEPTH) continue
    for (const name of names) {
      const inner = value.get(name)!
      if (queue.length < MAX_DICTIONARIES && isContainer(inner)) queue.push({ value: inner, path: [...path, name] })
    }
  }
  return found.sort((a, b) => a.rank - b.rank)
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
