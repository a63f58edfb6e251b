/** Whether the client of a request is still there, and how clients are told apart. */
import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { clientSignal } from '#src/server/http/client'

test('a client that left before somebody asks has left', () => {
  const raw = new ServerResponse(new IncomingMessage(new Socket()))
  assert.ok(!clientSignal({ raw }).signal.aborted)
  raw.destroy()
  assert.ok(clientSignal({ raw }).signal.aborted)
})
