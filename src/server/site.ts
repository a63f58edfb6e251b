/**
 * The studio as a folder for any static host: the page, and the models beside it. The engine in the browser does the
 * work, so the host runs nothing.
 */
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { fileError } from '../core/file-error.js'
import { filesBelow } from '../core/folder.js'
import { makeFolder } from '../core/make-folder.js'
import { kindOfPath } from '../core/path-kind.js'
import { readFileBytes } from '../core/read-file.js'
import { writeFileBytes } from '../core/write-file.js'
import { writeFileList } from '../model/file-list.js'
import { writeModelFolder } from '../model/folder.js'
import { CONFIG_FILE, WEIGHTS_FILE } from '../model/read-folder.js'
import { readModel } from '../model/read-model.js'
import { modelPath } from '../model/shipped-models.js'
import type { Page } from './page.js'

export interface SiteOptions {
  /** Folder to write, made if need be. One that an earlier call wrote is replaced. */
  readonly folder: string
  /** The built page. */
  readonly page: Page
  /** Paths, names or addresses of models by the name that the page shows. Those at an `https://` stay there. */
  readonly models: ReadonlyMap<string, string>
  /** Stops before anything is written. */
  readonly signal?: AbortSignal | undefined
}

/** What was written. */
export interface Site {
  readonly files: number
  readonly bytes: number
}

/** The element of index.html by which the page knows that it has no server (studio/src/engine/offered-models.ts). */
const LIST = 'id="studio-models"'
/** What a site consists of besides files at its top. */
const FOLDERS = ['assets', 'models']

/** Headers by which browsers let a page use several threads, in the form that Netlify and Cloudflare Pages read. */
const HEADERS = `/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
`

/** Files that travel with a model: its card and its licence. */
const COMPANIONS = /^(README\.md|LICEN[CS]E(\.\w+)?)$/

/** @throws DiffWaveError `NOT_WRITABLE` if the folder holds anything but an earlier site */
async function checkSite(folder: string): Promise<void> {
  const kind = await kindOfPath(folder, 'write')
  if (kind === 'missing') return
  if (kind !== 'directory') {
    throw new DiffWaveError('NOT_A_DIRECTORY', 'this is not a folder', { where: folder, hint: 'Name a new folder.' })
  }
  const files = await filesBelow(folder, /./)
  if (files.length === 0) return
  const index = files.includes('index.html') ? await readFileBytes(join(folder, 'index.html')) : new Uint8Array(0)
  if (!new TextDecoder().decode(index).includes(LIST)) {
    throw new DiffWaveError('NOT_WRITABLE', 'the folder holds other files', {
      expected: 'a new or empty folder, or one that `diffwave studio --export` wrote',
      where: folder,
    })
  }
}

/** Removes the parts of an earlier site. */
async function clear(folder: string): Promise<void> {
  for (const part of FOLDERS) {
    try {
      await rm(join(folder, part), { recursive: true, force: true })
    } catch (error) {
      throw fileError(error, join(folder, part), 'write')
    }
  }
}

/** Writes a model into a folder. */
type PutModel = (folder: string) => Promise<void>

/** Reads a model to copy; a checkpoint is written as a model folder. @throws DiffWaveError as `readModel` */
async function loadedModel(source: string): Promise<PutModel> {
  const path = await modelPath(source)
  const model = await readModel(path)
  if (model.source !== 'folder') return folder => writeModelFolder(folder, model)
  const from = (await kindOfPath(path)) === 'directory' ? path : join(path, '..')
  const companions = (await filesBelow(from, /./)).filter(name => COMPANIONS.test(name))
  const files = new Map<string, Uint8Array>()
  for (const name of [CONFIG_FILE, WEIGHTS_FILE, ...companions]) {
    files.set(name, await readFileBytes(join(from, name)))
  }
  return async folder => {
    await makeFolder(folder)
    for (const [name, bytes] of files) await writeFileBytes(join(folder, name), bytes)
  }
}

/** Whether the page itself can fetch a model: from a web server, not from a hub. */
export function isPageAddress(source: string): boolean {
  return /^https?:\/\//i.test(source)
}

/** The page with the list of its models. */
function withModels(html: Uint8Array, models: readonly { readonly name: string; readonly url: string }[]): string {
  // A `<` would end the element early.
  const json = JSON.stringify(models).replaceAll('<', '\\u003c')
  const list = `<script type="application/json" ${LIST}>${json}</script>`
  return new TextDecoder().decode(html).replace('</head>', () => `  ${list}\n  </head>`)
}

/**
 * Writes the studio as a site.
 *
 * @throws DiffWaveError `NOT_WRITABLE`, `NOT_A_DIRECTORY`, `ABORTED`, and as `readModel`
 */
export async function exportSite({ folder, page, models, signal }: SiteOptions): Promise<Site> {
  await checkSite(folder)
  const list: { name: string; url: string }[] = []
  // All are read before anything is removed: one may be bad, or lie in the site that is replaced.
  const loaded = new Map<string, PutModel>()
  for (const [name, source] of models) {
    throwIfAborted(signal)
    if (isPageAddress(source)) {
      list.push({ name, url: source })
      continue
    }
    loaded.set(name, await loadedModel(source))
    list.push({ name, url: `./models/${encodeURIComponent(name)}/` })
  }
  throwIfAborted(signal)
  await clear(folder)
  // The page goes first: by it a site that was not finished is known, and may be replaced.
  for (const [path, { bytes }] of page) {
    if (path === '/') continue
    const file = join(folder, ...path.split('/'))
    await makeFolder(resolve(file, '..'))
    await writeFileBytes(file, path === '/index.html' ? withModels(bytes, list) : bytes)
  }
  for (const [name, put] of loaded) {
    const to = join(folder, 'models', name)
    await put(to)
    // Browsers keep what they have downloaded as long as it has these hashes.
    await writeFileList(to)
  }
  await writeFileBytes(join(folder, '_headers'), HEADERS)
  const written = await filesBelow(folder, /./)
  let bytes = 0
  for (const file of written) bytes += (await readFileBytes(join(folder, file))).length
  return { files: written.length, bytes }
}
