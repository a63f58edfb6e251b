/** A server of models and an empty cache for each test of a process that imports this module. */
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach } from 'node:test'
import type { FileServer } from './file-server.js'
import { golden } from './paths.js'
import { scratch } from './process.js'
import { servedModel } from './served-model.js'

/** A checkpoint of another project, which the server has as `/c/weights.pt`. */
export const checkpoint = readFileSync(golden('lmnt-conditional-c8-l6/weights.pt'))

export let server: FileServer
/** A folder that does not exist yet. */
export let cache = ''

const folders = scratch()
let count = 0
beforeEach(async () => {
  server = await servedModel()
  server.files.set('/c/weights.pt', checkpoint)
  cache = folders.at(`cache-${count++}`)
})
// A group of files begins with a test that waits until they are loaded: it has no server.
afterEach(() => (server as FileServer | undefined)?.close())
