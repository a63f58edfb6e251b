import { defineCommand } from '../command.js'
import { serveOptions } from '../serve/options.js'

export const command = defineCommand({
  name: 'serve',
  summary: 'Serve models over HTTP',
  details: [
    'The routes and their options are documented under /docs. The log goes to standard output, one line ' +
      'of JSON per event. SIGTERM and SIGINT finish the running work. A second signal ends the process at once.',
  ],
  guide: 'serving',
  group: 'Serve',
  arguments: [],
  options: serveOptions,
  examples: ['diffwave serve --port 8080', 'diffwave serve --host 0.0.0.0 --models speech voice=runs/voice/model'],
})
