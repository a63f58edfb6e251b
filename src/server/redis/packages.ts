/** BullMQ and ioredis, optional packages of 16 MB. Only a service with `--redis` and its workers load them. */
import { loadPackage } from '../../core/optional-package.js'

const NEEDED = ['bullmq', 'ioredis']

/** Loads the packages. @throws DiffWaveError `MISSING_PACKAGE` */
export async function loadRedisPackages() {
  const { Redis } = await loadPackage('ioredis', () => import('ioredis'), NEEDED)
  const { DelayedError, Queue, Worker } = await loadPackage('bullmq', () => import('bullmq'), NEEDED)
  return { DelayedError, Queue, Redis, Worker }
}

/** The optional packages, loaded. */
export type RedisPackages = Awaited<ReturnType<typeof loadRedisPackages>>
