/** Loading optional packages, which an installation may lack. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadPackage } from '#src/core/optional-package'

describe('loadPackage', () => {
  const load = () => import('no-such-package' as string)

  test('names the command that installs a missing package', async () => {
    await assert.rejects(loadPackage('mpg123-decoder', load), {
      code: 'MISSING_PACKAGE',
      hint: 'npm install mpg123-decoder',
    })
  })

  test('names the format and the file that need a missing package', async () => {
    const read = loadPackage('mpg123-decoder', load, { what: 'MP3', where: 'a.mp3' })
    await assert.rejects(read, { message: /^MP3 cannot be read: the package mpg123-decoder is not.*\(a\.mp3\)$/ })
  })

  test('names all packages to install if a package needs others', async () => {
    await assert.rejects(loadPackage('bullmq', load, { needed: ['bullmq', 'ioredis'] }), {
      code: 'MISSING_PACKAGE',
      hint: 'npm install bullmq ioredis',
    })
  })

  test('passes on an error that has another cause', async () => {
    const broken = new Error('broken')
    await assert.rejects(
      loadPackage('bullmq', async () => {
        throw broken
      }),
      broken,
    )
  })
})
