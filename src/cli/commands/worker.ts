import { defineCommand } from '../command.js'
import { integer, number, text } from '../options.js'
import { serveOptions } from '../serve/options.js'

const { models, engine, threads, precision, drain } = serveOptions

export const command = defineCommand({
  name: 'worker',
  summary: 'Process the jobs of `diffwave serve --redis`',
  details: [
    'Any number of workers share one Redis server. If a worker dies, another one starts its jobs again with the ' +
      'same seeds. A worker takes only jobs whose model it has. The log goes to standard output, one line of JSON ' +
      'per event. SIGTERM and SIGINT finish the running jobs, or put them back after --drain seconds.',
    'It needs two more packages: npm install bullmq ioredis.',
  ],
  guide: 'serving',
  group: 'Serve',
  arguments: [],
  options: {
    redis: text('--redis <url>', 'Redis server, such as redis://host:6379', { default: '$DIFFWAVE_REDIS' }),
    models,
    engine,
    threads,
    precision,
    parallel: integer('--parallel <n>', 'jobs that run at the same time', { default: '1' }),
    modelMemory: number('--model-memory <MB>', 'memory for loaded models in megabytes', { default: '1024' }),
    drain,
    lock: number('--lock <s>', 'seconds without a heartbeat after which another worker takes over a worker’s jobs', {
      default: '10',
      field: 'lockSeconds',
      group: 'Limits',
    }),
  },
  examples: [
    'diffwave worker --redis redis://localhost:6379',
    'diffwave worker --models speech voice=runs/voice/model',
  ],
})
