/** Hints for files that are not what their name says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wrongFileHint } from '#src/core/wrong-file'

for (const [title, start, hint] of [
  ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\r\noid', /git lfs pull/],
  ['a web page', '\n\n  <!doctype HTML><html>404', /web page/],
  ['an error in XML', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /web page/],
  ['an error in JSON', '{"error":"Repository not found"}', /error message of a server/],
  ['a refusal in plain text', 'Entry not found', /server’s refusal/],
  ['a refusal to log in', 'Invalid username or password.', /server’s refusal/],
  ['a gzip archive', '\u001f\u008b\u0008', /gzip/],
  ['a tar archive', `weights.pt${'\0'.repeat(247)}ustar\0`, /tar archive/],
  ['a file of Keras', '\u0089HDF\r\n', /HDF5/],
] as const) {
  test(`gives a hint for ${title}`, () => {
    assert.match(wrongFileHint(Buffer.from(start, 'latin1')) ?? '', hint)
  })
}

test('gives no hint for other files', () => {
  for (const text of ['', 'some notes', '{"mel": [1, 2]}', '\u0080\u0002}', `not found ${'x'.repeat(600)}`]) {
    assert.equal(wrongFileHint(Buffer.from(text, 'latin1')), undefined)
  }
})
