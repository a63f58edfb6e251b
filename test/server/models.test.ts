/** `/v1/models` with a model whose config cannot be read. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readModel } from '#src/model/read-model'
import { HttpBackend } from '#studio/backend/http-backend'
import { HttpClient } from '#studio/backend/http-client'
import { npyMel, smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { scratch } from '../support/process.js'
import { getJson, post, problem, testService } from '../support/service.js'

const { folder, put } = scratch()
const { config } = await readModel(smallVocoder)
put('broken/config.json', JSON.stringify({ ...config, diffusoin: {} }))
const models = new Map([
  ['broken', join(folder, 'broken')],
  ['voice', smallVocoder],
  ['gone', join(folder, 'gone')],
  ['noise', smallGenerator],
])
const log: string[] = []
const service = await testService({ models, log: { write: line => void log.push(line) } })

interface Listed {
  readonly models: readonly { readonly name: string; readonly isDefault: boolean }[]
  readonly unavailable: readonly { readonly name: string; readonly problem: Readonly<Record<string, unknown>> }[]
}

describe('a model whose config cannot be read', () => {
  test('is listed beside the others, with its problem', async () => {
    const listed = (await getJson(service, '/v1/models')) as unknown as Listed
    assert.deepEqual(
      listed.models.map(({ name, isDefault }) => [name, isDefault]),
      [
        ['voice', true],
        ['noise', true],
      ],
    )
    assert.deepEqual(
      listed.unavailable.map(({ name, problem: { code, status } }) => [name, code, status]),
      [
        ['broken', 'MODEL_UNAVAILABLE', 503],
        ['gone', 'MODEL_UNAVAILABLE', 503],
      ],
    )
    const { detail } = listed.unavailable[0]!.problem
    assert.match(String(detail), /^The model broken cannot be loaded: unknown field diffusoin, expected one of /)
    assert.doesNotMatch(JSON.stringify(listed), new RegExp(folder))
    assert.match(log.join(''), /diffusoin/)
  })

  test('does not affect the other models', async () => {
    assert.equal((await getJson(service, '/v1/models/voice'))['isDefault'], true)
    assert.equal((await post(service, '/v1/vocode', npyMel(4))).status, 200)
    for (const path of ['/v1/models/broken', '/v1/models/broken/schedule', '/v1/models/gone']) {
      await problem(await fetch(service.url + path), 503, 'MODEL_UNAVAILABLE')
    }
  })

  test('is shown as a problem in the studio', async () => {
    const backend = new HttpBackend(new HttpClient(service.url, () => ''))
    const { models, problems } = await backend.models(new AbortController().signal)
    assert.equal(models.length, 2)
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['MODEL_UNAVAILABLE', 'MODEL_UNAVAILABLE'],
    )
  })
})
