/** Connections to Redis: the address, and the password. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { connect } from '#src/server/redis/connect'
import { loadRedisPackages } from '#src/server/redis/packages'
import { checkRedisUrl, withoutPassword } from '#src/server/redis/redis-url'
import { noRedis, redisServer } from '../../support/redis.js'

describe('the address of a Redis server', () => {
  test('may contain user, password, port and database', () => {
    for (const text of ['redis://host', 'rediss://user:secret@host:6380/0', 'redis://[::1]:6379/15', 'redis://host/']) {
      assert.equal(checkRedisUrl(text).href, new URL(text).href)
    }
  })

  test('is refused in any other form', () => {
    for (const text of [
      '',
      'host:6379',
      'http://host',
      'redis://',
      'redis:',
      'redis://host/a',
      'redis://host:x',
      '\0',
    ]) {
      assert.throws(() => checkRedisUrl(text), { code: 'BAD_OPTION' }, text)
    }
  })

  test('is never shown with its password', () => {
    assert.equal(withoutPassword(new URL('redis://user:secret@host:1/2')), 'redis://host:1/2')
  })
})

test('connect needs the password of a server that requires one', { skip: noRedis }, async () => {
  const { url } = await redisServer('--requirepass', 'secret')
  const packages = await loadRedisPackages()
  const options = { patient: true, onError: () => {} }
  await assert.rejects(connect(packages, url, options), { code: 'REDIS_UNAVAILABLE' })
  const wrong = url.replace('://', '://:wrong@')
  await assert.rejects(connect(packages, wrong, options), { code: 'REDIS_UNAVAILABLE' })
  const { client } = await connect(packages, url.replace('://', '://:secret@'), options)
  assert.equal(await client.ping(), 'PONG')
  client.disconnect()
})
