/** What a service works on, as its metrics tell. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

/** A service, or only its address. */
interface Address {
  readonly url: string
}

/** Reads a number from the service's metrics. */
async function metric({ url }: Address, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)![1])
}

/** Reads the number of requests that the service works on. */
export function running(service: Address): Promise<number> {
  return metric(service, 'diffwave_queue_running')
}

async function until(condition: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return
    await setTimeout(50)
  }
  assert.fail(otherwise)
}

/** Waits until the service works on a request. */
export function begun(service: Address): Promise<void> {
  return until(async () => (await running(service)) > 0, 'no work has begun')
}

/** Waits until the service works on no request. */
export function idle(service: Address): Promise<void> {
  return until(async () => (await running(service)) === 0, 'the work goes on')
}

/** Waits until the given number of requests are queued. */
export function waiting(service: Address, count: number): Promise<void> {
  const name = 'diffwave_queue_waiting'
  return until(async () => (await metric(service, name)) === count, `not ${count} waiting`)
}
