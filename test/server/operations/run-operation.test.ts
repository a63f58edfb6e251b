/** The time of an operation: how long it may work, and how long it may wait for the reader of its result. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { abortError } from '#src/core/errors'
import { defaultLimits } from '#src/server/limits'
import type { Operation, OperationRun, OperationTools, Output } from '#src/server/operations/operation'
import { runOperation } from '#src/server/operations/run-operation'

/** Runs an operation whose reader needs some seconds for each piece. */
async function run(
  operation: (run: OperationRun<unknown>) => Promise<void>,
  { workSeconds, seconds, pieceSeconds }: Record<'workSeconds' | 'seconds' | 'pieceSeconds', number>,
): Promise<void> {
  const limits = { ...defaultLimits, workSeconds, seconds }
  const output: Output = { open() {}, event() {}, write: () => setTimeout(1000 * pieceSeconds) }
  const order = { operation: { run: operation } as unknown as Operation, options: {}, body: new Uint8Array() }
  const signal = new AbortController().signal
  await runOperation(order, { limits } as OperationTools, { signal, onProgress() {}, output })
}

async function writeTwice({ output, signal }: OperationRun<unknown>): Promise<void> {
  for (let i = 0; i < 2; i++) {
    if (signal.aborted) throw abortError()
    await output.write(new Uint8Array(1))
  }
}

describe('an operation', () => {
  test('may wait for its reader longer than it may work', async () => {
    await run(writeTwice, { workSeconds: 0.9, seconds: 10, pieceSeconds: 0.5 })
  })

  test('ends if it waits for its reader longer than the longest audio lasts', async () => {
    const slow = run(writeTwice, { workSeconds: 10, seconds: 0.1, pieceSeconds: 0.2 })
    await assert.rejects(slow, { code: 'WORK_TIMEOUT', message: /read too slowly/ })
  })

  test('ends if it works for too long, between its pieces too', async () => {
    const work = async ({ output, signal }: OperationRun<unknown>) => {
      await output.write(new Uint8Array(1))
      await setTimeout(10_000, undefined, { signal }).catch(() => {})
      throw abortError()
    }
    const long = run(work, { workSeconds: 0.1, seconds: 10, pieceSeconds: 0 })
    await assert.rejects(long, { code: 'WORK_TIMEOUT', message: /takes too long/ })
  })
})
