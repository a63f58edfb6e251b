/** Starts the page: on the service that it came from, or on the engine in the browser if there is none. */
// Components that read signals are drawn again when these change.
import '@preact/signals'
import { render } from 'preact'
import { HttpBackend } from './backend/http-backend.js'
import { HttpClient } from './backend/http-client.js'
import type { StudioBackend } from './backend/studio-backend.js'
import { offeredModels } from './engine/offered-models.js'
import { App } from './shell/app.js'
import { keepFocus } from './shell/keep-focus.js'
import { refuseStrayDrops } from './shell/stray-drops.js'
import { Studio } from './shell/studio.js'
import { Token } from './shell/token.js'

/** A sentence of the LJ Speech data set, which is in the public domain. */
const SAMPLE = new URL('../../samples/speech/LJ001-0002-original.wav', import.meta.url).href

const token = new Token()

async function chosenBackend(): Promise<StudioBackend> {
  const models = offeredModels()
  if (models === null) return new HttpBackend(new HttpClient('', () => token.value))
  const { EngineBackend } = await import('./engine/engine-backend.js')
  return new EngineBackend(models)
}

refuseStrayDrops()
keepFocus()
const studio = new Studio({
  backend: await chosenBackend(),
  sample: async signal => {
    const response = await fetch(SAMPLE, { signal })
    if (!response.ok) throw new Error('The sample sentence cannot be loaded.')
    return { name: 'sample sentence', bytes: new Uint8Array(await response.arrayBuffer()) }
  },
  draw: () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32,
})
const root = document.getElementById('studio')!
// The texts for a page whose script does not run.
root.replaceChildren()
render(<App studio={studio} token={token} />, root)
