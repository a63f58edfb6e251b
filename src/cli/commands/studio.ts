/** `diffwave studio`: the service with a page on which to watch, hear and change what diffusion does. */
import { fileURLToPath } from 'node:url'
import { DiffWaveError } from '../../core/errors.js'
import { defineCommand } from '../command.js'
import { flag } from '../options.js'
import { serve, serveOptions, serviceOptions } from './serve.js'

/** The built page, beside the compiled command line. */
const PAGE = new URL('../../studio/', import.meta.url)

/** @throws DiffWaveError `FILE_NOT_FOUND` if the page was not built */
async function studioPage() {
  const { readPage } = await import('../../server/page.js')
  try {
    return await readPage(fileURLToPath(PAGE))
  } catch (error) {
    throw new DiffWaveError('FILE_NOT_FOUND', 'the page of the studio was not built', {
      expected: 'the folder dist/studio of the package',
      hint: 'Run `npm run build` in a clone, or install the package again.',
      cause: error,
    })
  }
}

export const command = defineCommand({
  name: 'studio',
  summary: 'A page to watch and hear noise become sound',
  details: [
    'The service of `diffwave serve` with a page at its root: the diffusion process step by step, vocoding, ' +
      'generation, repair and running trainings. It is described in docs/studio.md.',
  ],
  group: 'Serve',
  arguments: [],
  options: { ...serveOptions, open: flag('--open', 'the page in the browser of this machine') },
  examples: ['diffwave studio --open', 'diffwave studio --runs runs --models speech voice=runs/voice/model'],
  async run(context, _, options) {
    const page = await studioPage()
    await serve(context, { ...(await serviceOptions(options)), page }, async url => {
      context.note(`the studio is at ${url}`)
      if (!options.open) return
      const { openInBrowser } = await import('../open-in-browser.js')
      await openInBrowser(url).catch(() => context.note('no browser could be started: open the address yourself'))
    })
  },
})
