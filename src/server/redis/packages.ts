/** BullMQ and ioredis, optional packages of 16 MB. Only a service with `--redis` and its workers load them. */
import { loadPackage } from '../../core/optional-package.js'

const use = { needed: ['bullmq', 'ioredis'] }

/** Loads the packages. @throws DiffWaveError `MISSING_PACKAGE` */
export async function loadRedisPackages() {
  const { Redis } = await loadPackage('ioredis', () => import('ioredis'), use)
  const { DelayedError, Queue, Worker } = await loadPackage('bullmq', () => import('bullmq'), use)
  return { DelayedError, Queue, Redis, Worker }
}

/** The optional packages, loaded. */
export type RedisPackages = Awaited<ReturnType<typeof loadRedisPackages>>
