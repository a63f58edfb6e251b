/** `convert` checks its options, and stops before it writes. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type ConvertOptions, convert } from '#src/model/convert'
import { inCase } from '../support/in-case.js'
import { golden } from '../support/paths.js'
import { scratch } from '../support/process.js'

const { at } = scratch()
const weights = golden('lmnt-conditional-c8-l6/weights.pt')

describe('convert', () => {
  test('refuses wrong options', async () => {
    for (const [title, options] of [
      ['null', null],
      ['a list', []],
      ['a number as force', { force: 1 }],
      ['an unknown key', { overwrite: true }],
      ['a text as signal', { signal: 'now' }],
      ['a text as sample rate', { sampleRate: '22050' }],
      ['an unknown key of the download', { download: { offlnie: true } }],
    ] as const) {
      await inCase(title, async () => {
        const given = options as unknown as ConvertOptions
        await assert.rejects(convert(weights, at('refused'), given), { code: 'BAD_OPTION', where: 'convert options' })
        assert.ok(!existsSync(at('refused')))
      })
    }
  })

  test('writes nothing once its signal has fired', async () => {
    const stop = new AbortController()
    const converted = convert(weights, at('stopped'), { signal: stop.signal })
    stop.abort()
    await assert.rejects(converted, { code: 'ABORTED' })
    assert.ok(!existsSync(at('stopped')))
  })
})
