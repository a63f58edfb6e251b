/**
 * Orders in Redis as text: which operation to do with which options. A service writes them, and a worker, perhaps of
 * another version, reads them.
 */
import { z } from 'zod'
import { drawSeed } from '../../core/seed.js'
import type { ServiceLimits } from '../limits.js'
import type { ModelCache } from '../model-cache.js'
import { operations } from '../operations/operations.js'
import type { Order } from '../operations/run-operation.js'

/** The version of the format. It increases with every change that an older worker cannot read. */
const FORMAT = 2

/** The limits that a service sends along with a job, so that all workers apply the same ones. */
const limits = z.object({
  seconds: z.number().positive(),
  workSeconds: z.number().positive(),
  resultBytes: z.number().positive(),
  resultSeconds: z.number().positive(),
})
export type OrderLimits = Readonly<z.output<typeof limits>>

const schema = z.object({
  format: z.literal(FORMAT),
  operation: z.string(),
  options: z.record(z.string(), z.unknown()),
  limits,
})

/** An order without its body. */
export type StoredOrder = Omit<Order, 'body'> & { readonly limits: OrderLimits }

/**
 * Fills in the model and the seed of an order, so that every worker makes the same bytes.
 *
 * @throws DiffWaveError `UNKNOWN_MODEL`; Refusal `MODEL_UNAVAILABLE`
 */
export async function settled({ operation, options, body }: Order, models: ModelCache): Promise<Order> {
  const kind = operation.modelKind(options as never, body.length > 0)
  const model = kind === null || options['model'] !== undefined ? {} : { model: await models.firstOf(kind) }
  const seed = 'seed' in operation.options.shape && options['seed'] === undefined ? { seed: drawSeed() } : {}
  if (typeof options['model'] === 'string') await models.config(options['model'])
  return { operation, options: { ...options, ...model, ...seed }, body }
}

export function writeOrder({ operation, options }: Order, given: ServiceLimits): string {
  const { seconds, workSeconds, resultBytes, resultSeconds } = given
  const limits: OrderLimits = { seconds, workSeconds, resultBytes, resultSeconds }
  return JSON.stringify({ format: FORMAT, operation: operation.name, options, limits })
}

/** Reads an order; null if this version does not understand it. */
export function readOrder(text: string): StoredOrder | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  const order = schema.safeParse(value)
  if (!order.success) return null
  const operation = operations.find(({ name }) => name === order.data.operation)
  const options = operation?.options.safeParse(order.data.options)
  if (operation === undefined || !options?.success) return null
  return { operation, options: options.data, limits: order.data.limits }
}
