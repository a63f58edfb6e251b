/** Writes a report, its sounds shown and played by the components of the studio. */
import { fileURLToPath } from 'node:url'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { readFileBytes } from '../../core/read-file.js'
import { writeFileBytes } from '../../core/write-file.js'
import { PAGE_END } from './html.js'

/** Style and program, built of studio/src/report by scripts/build-studio.mjs. */
const COMPONENTS = new URL('../../report/components.html', import.meta.url)

/** The components; '' in a bundle, which has no such file: the report then keeps its plain pictures and players. */
async function components(): Promise<string> {
  try {
    return new TextDecoder().decode(await readFileBytes(fileURLToPath(COMPONENTS)))
  } catch (error) {
    if (error instanceof DiffWaveError && error.code === 'FILE_NOT_FOUND') return ''
    throw error
  }
}

/**
 * @param html a page of html.ts
 * @param signal leaves the file as it was; it may have fired while the page was made
 * @throws DiffWaveError as `writeFileBytes`, `ABORTED`
 */
export async function writeReport(path: string, html: string, signal?: AbortSignal): Promise<void> {
  const end = html.lastIndexOf(PAGE_END)
  const page = html.slice(0, end) + (await components()) + html.slice(end)
  throwIfAborted(signal)
  await writeFileBytes(path, page)
}
