/** `diffwave worker`: does the jobs of services on other machines. */
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { startWorker } from '../../server/redis/worker.js'
import type { command } from '../commands/worker.js'
import type { Context } from '../context.js'
import { environment } from '../environment.js'
import { loadOptions, noteThreads } from '../load.js'
import type { Values } from '../option-spec.js'
import { serviceLog, untilStopped } from '../serve/run-service.js'
import { megabytes, modelSources } from '../serve/service-options.js'

export async function run(
  context: Context,
  _: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  const redis = options.redis ?? environment('REDIS')
  if (redis === undefined) {
    throw new DiffWaveError('BAD_OPTION', 'the Redis server is missing', {
      expected: 'its address, such as redis://localhost:6379',
      where: '--redis',
    })
  }
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
}
