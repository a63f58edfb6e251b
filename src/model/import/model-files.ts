/** A model that was read from disk. */
import type { Tensor } from '../../core/tensor.js'
import type { ModelConfig } from '../config.js'

/** A config and its parameters, checked against each other. */
export interface ModelFiles {
  /** The model's `config.json`, with every default filled in. */
  readonly config: ModelConfig
  /** The parameters by name, in the network's order. */
  readonly parameters: ReadonlyMap<string, Tensor>
}

/** A model imported from another project's checkpoint. */
export interface ImportedModel extends ModelFiles {
  /** Sentences for the user on what was assumed because the checkpoint does not state it, and on what was left out. */
  readonly notes: readonly string[]
}

/** Where a model came from. `export` stands for a file that `diffwave export` wrote. */
export type ModelSource = 'folder' | 'export' | 'lmnt' | 'philsyn'

/** A model, and where it came from. */
export interface ReadModel extends ImportedModel {
  /** What kind of file it was read from. */
  readonly source: ModelSource
}
