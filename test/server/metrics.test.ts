/** Metrics for Prometheus. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Metrics } from '#src/server/metrics'
import { testService } from '../support/service.js'

describe('the metrics', () => {
  test('are text with HELP, TYPE and escaped labels', () => {
    const metrics = new Metrics()
    metrics.count('requests_total', 'Requests.', { path: 'a"b\\c\nd' })
    metrics.count('requests_total', 'Requests.', { path: 'a"b\\c\nd' }, 2)
    metrics.gauge('depth', 'Depth.', 3)
    metrics.gauge('depth', 'Depth.', 2)
    assert.equal(
      metrics.text(),
      '# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{path="a\\"b\\\\c\\nd"} 3\n' +
        '# HELP depth Depth.\n# TYPE depth gauge\ndepth 2\n',
    )
  })

  test('show durations as cumulative buckets with sum and count', () => {
    const metrics = new Metrics()
    for (const seconds of [0.001, 0.25, 1000]) metrics.observe('time', 'Time.', seconds)
    const text = metrics.text()
    assert.match(text, /^# TYPE time histogram$/m)
    for (const [le, count] of [
      ['0.005', 1],
      ['0.25', 2],
      ['300', 2],
      ['\\+Inf', 3],
    ])
      assert.match(text, new RegExp(`^time_bucket\\{le="${le}"\\} ${count}$`, 'm'))
    assert.match(text, /^time_sum 1000\.251$/m)
    assert.match(text, /^time_count 3$/m)
  })

  test('have counters whose names end in _total, and no others', async () => {
    const { url } = await testService()
    const text = await (await fetch(`${url}/metrics`)).text()
    const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)]
    assert.ok(types.length >= 8)
    for (const [, name, type] of types) assert.equal(type === 'counter', name!.endsWith('_total'), name)
  })
})
