/** `files.json` of a model folder: what its files have, so that downloads can be checked (docs/models.md). */
import { basename, join } from 'node:path'
import { readFileBytes } from '../core/read-file.js'
import { LIST_FILE } from '../core/url-source.js'
import { writeFileBytes } from '../core/write-file.js'
import { configPath, sha256Of, weightsPath } from './folder.js'

/** Sizes and SHA-256 of the files of a model, by name. */
export type FileList = Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>

/** What the files of a model folder have now. @throws DiffWaveError as `readFileBytes` */
export async function fileList(folder: string): Promise<FileList> {
  const list: Record<string, { readonly bytes: number; readonly sha256: string }> = {}
  for (const file of [configPath(folder), weightsPath(folder)]) {
    const bytes = await readFileBytes(file)
    list[basename(file)] = { bytes: bytes.length, sha256: sha256Of(bytes) }
  }
  return list
}

/** Writes `files.json`. @throws DiffWaveError as `readFileBytes`, `NOT_WRITABLE` */
export async function writeFileList(folder: string): Promise<void> {
  await writeFileBytes(join(folder, LIST_FILE), `${JSON.stringify(await fileList(folder), null, 2)}\n`)
}
