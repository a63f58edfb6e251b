/**
 * Reads folders of recordings as training data. Every file is decoded once, resampled to the model's rate and kept in
 * memory as 16-bit samples. A bad file is left out and named in the report. It never ends the run.
 */
import { decodeAudio } from '../../audio/codecs/decode.js'
import { throwIfAborted } from '../../core/errors.js'
import { listFolder } from '../../core/folder.js'
import { check } from '../../core/options.js'
import { orAborted } from '../../core/until-aborted.js'
import { DataThreads } from './data-threads.js'
import type { Dataset } from './dataset.js'
import { DatasetBuilder } from './dataset-builder.js'
import { type DatasetOptions, datasetOptionsSchema } from './dataset-options.js'
import { type Found, findRecordings } from './find-recordings.js'
import { prepareRecording } from './recording.js'

/** A data set, and the files of the cache that it needs. */
export interface ReadDataset {
  readonly data: Dataset
  /** Names of the cache's files. */
  readonly cacheFiles: ReadonlySet<string>
}

/** Reads recordings as `loadDataset` does, and also reports which files of the cache are needed. @throws as it does */
export async function readDataset(options: DatasetOptions): Promise<ReadDataset> {
  const checked = check(datasetOptionsSchema, options, 'loadDataset options')
  // Without the folder, every recording would be decoded and left out.
  if (checked.mels?.folder !== undefined) await listFolder(checked.mels.folder)
  const { files, notes } = await findRecordings(checked.folders, checked.signal)
  const builder = new DatasetBuilder(checked, files)
  const threads = new DataThreads(files.length, checked.signal)
  const { decode } = checked
  // A function cannot be sent to a thread.
  const recordings =
    decode === decodeAudio
      ? threads.map('prepareRecording', files, file => builder.requestOf(file))
      : readHere(files, file => prepareRecording(builder.requestOf(file), decode), checked.signal)
  const cacheFiles = new Set<string>()
  try {
    let done = 0
    for await (const { recording, cacheFiles: names } of recordings) {
      for (const name of names) cacheFiles.add(name)
      builder.add(files[done++]!, recording)
      const resampled = 'clips' in recording && recording.resampled
      const stage = resampled ? 'resampling' : 'reading'
      await orAborted(checked.onProgress?.({ stage, done, total: files.length }), checked.signal)
    }
  } finally {
    await threads.close()
  }
  return { data: builder.finish(files.length, notes), cacheFiles }
}

/** Reads recordings on the calling thread, one after the other. */
async function* readHere<Result>(
  files: readonly Found[],
  read: (file: Found) => Promise<Result>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Result, void, undefined> {
  for (const file of files) {
    throwIfAborted(signal)
    yield await read(file)
  }
}
