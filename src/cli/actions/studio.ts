/** `diffwave studio`: the service with a page on which to watch, hear and change what diffusion does. */
import { DiffWaveError } from '../../core/errors.js'
import { exportSite, isPageAddress } from '../../server/site.js'
import { readStudioPage } from '../../server/studio-page.js'
import { command } from '../commands/studio.js'
import type { Context } from '../context.js'
import type { Values } from '../option-spec.js'
import { longName } from '../options.js'
import { openInBrowser } from '../serve/open-in-browser.js'
import { runService } from '../serve/run-service.js'
import { modelSources, serviceOptions } from '../serve/service-options.js'

/** @throws DiffWaveError `FILE_NOT_FOUND` if the page was not built */
async function studioPage() {
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

/** What an exported page takes: the rest is about a service. */
const EXPORTED = new Set(['export', 'models'])

/** @throws DiffWaveError `BAD_OPTION` for options of a service */
async function exportPage(context: Context, folder: string, chosen: Values<typeof command.options>): Promise<void> {
  const other = Object.entries(chosen).find(([name, value]) => value !== undefined && !EXPORTED.has(name))?.[0]
  if (other !== undefined) {
    throw new DiffWaveError('BAD_OPTION', 'an exported page has no service', {
      expected: '--export with --models alone',
      got: longName(command.options[other as keyof typeof command.options].flags),
      hint: 'Its engine runs in the browser of whoever opens it.',
    })
  }
  const page = await studioPage()
  const models = await modelSources(context, chosen.models, address => !isPageAddress(address))
  const { files, bytes } = await exportSite({ folder, page, models, signal: context.signal })
  const size = `${files} files, ${(bytes / 1e6).toFixed(1)} MB`
  context.result(`${folder}: ${size}, models ${[...models.keys()].join(', ')}`, { folder, files, bytes })
}

export async function run(
  context: Context,
  _: readonly string[],
  chosen: Values<typeof command.options>,
): Promise<void> {
  if (chosen.export !== undefined) return exportPage(context, chosen.export, chosen)
  const page = await studioPage()
  await runService(context, { ...(await serviceOptions(context, chosen)), page }, async url => {
    context.note(`the studio is at ${url}`)
    if (!chosen.open) return
    await openInBrowser(url).catch(() => context.note('no browser could be started: open the address yourself'))
  })
}
