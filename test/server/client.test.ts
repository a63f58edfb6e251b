/** The client of a request: whether it is still connected, and its identity. */
import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { clientOf, clientSignal } from '#src/server/http/client'

test('the signal is aborted if the client disconnected before it was asked for', () => {
  const raw = new ServerResponse(new IncomingMessage(new Socket()))
  assert.ok(!clientSignal({ raw }).signal.aborted)
  raw.destroy()
  assert.ok(clientSignal({ raw }).signal.aborted)
})

test('all IPv6 addresses of one /64 network are the same client', () => {
  const clients = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::1', '0:0:0:0'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::5:6', '2001:db8:0:0'],
  ] as const
  for (const [ip, client] of clients) assert.equal(clientOf({ ip }), client)
})
