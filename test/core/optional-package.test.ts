/** Packages that an installation may lack. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadPackage } from '#src/core/optional-package'

describe('an optional package', () => {
  const load = () => import('no-such-package' as string)

  test('that is missing is an error with the command that installs it', async () => {
    await assert.rejects(loadPackage('mpg123-decoder', load), {
      code: 'MISSING_PACKAGE',
      hint: 'npm install mpg123-decoder',
    })
  })

  test('that is missing is an error that names the format and the file', async () => {
    const read = loadPackage('mpg123-decoder', load, undefined, { what: 'MP3', where: 'a.mp3' })
    await assert.rejects(read, { message: /^MP3 cannot be read: the package mpg123-decoder is not.*\(a\.mp3\)$/ })
  })

  test('that needs others is installed with them', async () => {
    await assert.rejects(loadPackage('bullmq', load, ['bullmq', 'ioredis']), {
      code: 'MISSING_PACKAGE',
      hint: 'npm install bullmq ioredis',
    })
  })

  test('that fails for another reason keeps its error', async () => {
    const broken = new Error('broken')
    await assert.rejects(
      loadPackage('bullmq', async () => {
        throw broken
      }),
      broken,
    )
  })
})
