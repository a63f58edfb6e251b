/** `diffwave studio`: the service with a page on which to watch, hear and change what diffusion does. */
import { DiffWaveError } from '../../core/errors.js'
import { defineCommand, type Values } from '../command.js'
import type { Context } from '../context.js'
import { flag, longName, text } from '../options.js'
import { modelSources, serveOptions, serviceOptions } from '../serve/options.js'
import { runService } from '../serve/run-service.js'

/** @throws DiffWaveError `FILE_NOT_FOUND` if the page was not built */
async function studioPage() {
  const { readStudioPage } = await import('../../server/studio-page.js')
  try {
    return await readStudioPage()
  } catch (error) {
    throw new DiffWaveError('FILE_NOT_FOUND', 'the page of the studio was not built', {
      expected: 'the folder dist/studio of the package',
      hint: 'Run `npm run build` in a clone, or install the package again.',
      cause: error,
    })
  }
}

const options = {
  ...serveOptions,
  open: flag('--open', 'open the page in a browser on this machine'),
  export: text('--export <folder>', 'write the page and its models to a folder, for any static web host'),
}

/** What an exported page takes: the rest is about a service. */
const EXPORTED = new Set(['export', 'models'])

/** @throws DiffWaveError `BAD_OPTION` for options of a service */
async function exportPage(context: Context, folder: string, chosen: Values<typeof options>): Promise<void> {
  const other = Object.entries(chosen).find(([name, value]) => value !== undefined && !EXPORTED.has(name))?.[0]
  if (other !== undefined) {
    throw new DiffWaveError('BAD_OPTION', 'an exported page has no service', {
      expected: '--export with --models alone',
      got: longName(options[other as keyof typeof options].flags),
      hint: 'Its engine runs in the browser of whoever opens it.',
    })
  }
  const page = await studioPage()
  const { exportSite, isPageAddress } = await import('../../server/site.js')
  const models = await modelSources(context, chosen.models, address => !isPageAddress(address))
  const { files, bytes } = await exportSite({ folder, page, models, signal: context.signal })
  const size = `${files} files, ${(bytes / 1e6).toFixed(1)} MB`
  context.result(`${folder}: ${size}, models ${[...models.keys()].join(', ')}`, { folder, files, bytes })
}

export const command = defineCommand({
  name: 'studio',
  summary: 'Serve a page that shows and plays how noise becomes sound',
  details: [
    'This is the service of `diffwave serve` with a page at its root: the diffusion process step by step, vocoding, ' +
      'generation, repair and training runs.',
    '--export writes the same page as files for any static web host; its engine then runs in the browser. ' +
      'Models are copied beside the page; those given by an https:// address are fetched from there.',
  ],
  guide: 'studio',
  group: 'Serve',
  arguments: [],
  options,
  examples: [
    'diffwave studio --open',
    'diffwave studio --runs runs --models speech voice=runs/voice/model',
    'diffwave studio --export site --models speech music',
  ],
  async run(context, _, chosen) {
    if (chosen.export !== undefined) return exportPage(context, chosen.export, chosen)
    const page = await studioPage()
    await runService(context, { ...(await serviceOptions(context, chosen)), page }, async url => {
      context.note(`the studio is at ${url}`)
      if (!chosen.open) return
      const { openInBrowser } = await import('../serve/open-in-browser.js')
      await openInBrowser(url).catch(() => context.note('no browser could be started: open the address yourself'))
    })
  },
})
