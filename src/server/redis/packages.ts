/** BullMQ and ioredis: optional packages of 16 MB that only a service with `--redis` and its workers load. */
import { DiffWaveError } from '../../core/errors.js'

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}

/** Loads an optional package. @throws DiffWaveError `MISSING_PACKAGE` */
export async function loadPackage<Package>(name: string, load: () => Promise<Package>): Promise<Package> {
  try {
    return await load()
  } catch (error) {
    if (!isMissing(error)) throw error
    throw new DiffWaveError('MISSING_PACKAGE', `the package ${name} is not installed`, {
      expected: 'bullmq and ioredis beside diffwave',
      hint: 'npm install bullmq ioredis',
      cause: error,
    })
  }
}

/** @throws DiffWaveError `MISSING_PACKAGE` */
export async function loadRedisPackages() {
  const { Redis } = await loadPackage('ioredis', () => import('ioredis'))
  const { DelayedError, Queue, Worker } = await loadPackage('bullmq', () => import('bullmq'))
  return { DelayedError, Queue, Redis, Worker }
}

/** The optional packages, loaded. */
export type RedisPackages = Awaited<ReturnType<typeof loadRedisPackages>>
