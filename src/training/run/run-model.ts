/** The model of a training run: the average of its weights. */
import { writeModelFolder } from '../../model/folder.js'
import type { ModelFiles } from '../../model/import/model-files.js'
import type { TrainingProgress } from './checkpoint.js'

/**
 * Writes a model folder that says what the model was trained on, and for how long.
 *
 * @param model the run's config and the average of its weights
 */
export function writeRunModel(folder: string, model: ModelFiles, progress: TrainingProgress): Promise<void> {
  const { step, seconds, samplesSeen, data } = progress
  const provenance = {
    ...model.config.provenance,
    trainedWith: 'diffwave train',
    steps: step,
    hours: Number((seconds / 3600).toFixed(2)),
    samplesSeen,
    dataFingerprint: data,
  }
  return writeModelFolder(folder, { ...model, config: { ...model.config, provenance } })
}
