/** `diffwave worker`: does the jobs of services on other machines. */
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { defineCommand } from '../command.js'
import { environment } from '../environment.js'
import { loadOptions, noteThreads } from '../load.js'
import { integer, number, text } from '../options.js'
import { megabytes, modelSources, serveOptions } from '../serve/options.js'
import { serviceLog, untilStopped } from '../serve/run-service.js'

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
    redis: text('--redis <url>', 'Redis server, such as redis://host:6379 (default: $DIFFWAVE_REDIS)'),
    models,
    engine,
    threads,
    precision,
    parallel: integer('--parallel <n>', 'jobs that run at the same time (default: 1)'),
    modelMemory: number('--model-memory <MB>', 'memory for loaded models in megabytes (default: 1024)'),
    drain,
    lock: number(
      '--lock <s>',
      'seconds without a heartbeat after which another worker takes over a worker’s jobs (default: 10)',
      {
        group: 'Limits',
      },
    ),
  },
  examples: [
    'diffwave worker --redis redis://localhost:6379',
    'diffwave worker --models speech voice=runs/voice/model',
  ],
  run: async (context, _, options) => {
    const redis = options.redis ?? environment('REDIS')
    if (redis === undefined) {
      throw new DiffWaveError('BAD_OPTION', 'the Redis server is missing', {
        expected: 'its address, such as redis://localhost:6379',
        where: '--redis',
      })
    }
    const { startWorker } = await import('../../server/redis/worker.js')
    const loading = loadOptions(options)
    noteThreads(context, loading.threads)
    const { parallel, drain: drainSeconds, lock: lockSeconds } = options
    const worker = await startWorker({
      redis,
      models: await modelSources(context, options.models),
      ...loading,
      ...defined({ parallel, drainSeconds, lockSeconds, modelBytes: megabytes(options.modelMemory) }),
      signal: context.signal,
      ...serviceLog(context),
    })
    context.note('waiting for jobs')
    await untilStopped(context)
    await worker.stop()
  },
})
