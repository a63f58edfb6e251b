/** `/healthz`, `/readyz` and `/metrics`: for what looks after the service. */
import type { FastifyInstance } from 'fastify'
import { bytes, json, responses } from '../http/documented.js'
import { shuttingDown } from '../refusal.js'
import type { ServiceState } from '../service-state.js'

/** Brings the metrics that are measured when they are asked for up to date. */
async function measure({ metrics, queue, tools, jobs }: ServiceState): Promise<void> {
  const { running, waiting } = queue.state
  // Without an answer of the store, metrics of the rest are worth more than none.
  const held = await jobs.counts().catch(() => null)
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  metrics.gauge('diffwave_queue_running', 'Requests in progress.', running)
  metrics.gauge('diffwave_queue_waiting', 'Requests that wait for their turn.', waiting)
  for (const state of ['queued', 'running'] as const) {
    metrics.gauge('diffwave_jobs', 'Jobs in progress.', held?.[state] ?? Number.NaN, { state })
  }
  metrics.gauge('diffwave_model_bytes', 'Estimated memory of loaded models.', tools.models.bytes)
  metrics.gauge('process_resident_memory_bytes', 'Resident memory.', rss)
  metrics.gauge('process_heap_bytes', 'JavaScript heap in use.', heapUsed)
  metrics.gauge('process_external_bytes', 'Memory of buffers.', external)
  metrics.total('process_cpu_seconds_total', 'Processor time used.', (user + system) / 1e6)
}

export function healthRoutes(app: FastifyInstance, state: ServiceState): void {
  const tags = ['Health']
  const open = { config: { open: true, rateLimit: false } } as const

  app.get(
    '/healthz',
    {
      ...open,
      schema: { tags, summary: 'Whether the process answers', response: responses({ 200: json('{status: ok}') }) },
    },
    async () => ({ status: 'ok' }),
  )

  app.get(
    '/readyz',
    {
      ...open,
      schema: {
        tags,
        summary: 'Whether the service accepts work',
        response: responses({ 200: json('{status: ready}') }),
      },
    },
    async () => {
      if (state.isReady()) return { status: 'ready' }
      throw shuttingDown()
    },
  )

  app.get(
    '/metrics',
    {
      config: { rateLimit: false },
      schema: {
        tags,
        summary: 'Metrics in Prometheus’ text format',
        response: responses({ 200: bytes('Metrics', 'text/plain') }),
      },
    },
    async (_, reply) => {
      await measure(state)
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(state.metrics.text())
    },
  )
}
