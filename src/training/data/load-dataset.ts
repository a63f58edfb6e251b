/** Reads folders of recordings as training data: the public call. */
import type { Dataset } from './dataset.js'
import type { DatasetOptions } from './dataset-options.js'

/**
 * Reads all recordings below the folders and resamples them to one sample rate. Recordings that cannot be used are left
 * out and named in the report, with the reason. Where folders overlap, each file is used once, as it is found first.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_DIRECTORY`, `BAD_DATA` (no usable recording, or an ambiguous
 * `metadata.csv`), `BAD_OPTION`, `TOO_LARGE`, `ABORTED`; `DISK_FULL`, `NOT_WRITABLE`, `NOT_A_FILE` (the cache cannot be
 * written)
 * @example
 * const { training, report } = await loadDataset({ folders: 'recordings', sampleRate: 22050 })
 */
export async function loadDataset(options: DatasetOptions): Promise<Dataset> {
  const { readDataset } = await import('./read-dataset.js')
  return (await readDataset(options)).data
}
