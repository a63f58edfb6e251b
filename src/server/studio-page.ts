/** The built page of `diffwave studio`, with the engine that it runs in a browser without a server. */
import { fileURLToPath } from 'node:url'
import { type Page, readPage } from './page.js'

/** Folders of the files, from this compiled module, by where the page has them. */
const FOLDERS = { '': '../studio/', wasm: '../../prebuilds/wasm/' }

/** @throws DiffWaveError as `readPage`, if the page was not built */
export function readStudioPage(): Promise<Page> {
  const paths = Object.entries(FOLDERS).map(([at, folder]) => [at, fileURLToPath(new URL(folder, import.meta.url))])
  return readPage(Object.fromEntries(paths) as Record<string, string>)
}
