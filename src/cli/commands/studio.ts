import { defineCommand } from '../command.js'
import { flag, text } from '../options.js'
import { serveOptions } from '../serve/options.js'

const options = {
  ...serveOptions,
  open: flag('--open', 'open the page in a browser on this machine'),
  export: text('--export <folder>', 'write the page and its models to a folder, for any static web host'),
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
})
