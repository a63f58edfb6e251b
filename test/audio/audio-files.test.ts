/** Which files of a folder are recordings, and of which class. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { labelAt, labelledFiles } from '#src/audio/audio-files'

const folder = mkdtempSync(join(tmpdir(), 'diffwave-audio-files-'))
after(() => rmSync(folder, { recursive: true }))

test('a class is that of metadata.csv, else of the folder; a third column of seconds says from when it holds', async () => {
  mkdirSync(join(folder, 'drums'))
  for (const name of ['a.wav', 'b.flac', 'c.wav', 'drums/d.ogg', 'drums/e.mp3']) writeFileSync(join(folder, name), '')
  writeFileSync(
    join(folder, 'metadata.csv'),
    // LJSpeech's third column is text; lines may come in any order, and a later one for the same second counts.
    'a.wav,fast,2.5\na,slow,0\na|faster|2.5\n\nb|spoken|Spoken, 3 times.\ne,brushes\nnobody.wav,lost\n',
  )
  assert.deepEqual(await labelledFiles(folder), [
    {
      name: 'a.wav',
      label: [
        { from: 0, label: 'slow' },
        { from: 2.5, label: 'faster' },
      ],
    },
    { name: 'b.flac', label: 'spoken' },
    { name: 'c.wav', label: '' },
    { name: join('drums', 'd.ogg'), label: 'drums' },
    { name: join('drums', 'e.mp3'), label: 'brushes' },
  ])
})

test('a part holds from its second on, the first also before', () => {
  const parts = [
    { from: 1, label: 'one' },
    { from: 2, label: 'two' },
  ]
  assert.deepEqual(
    [0, 1, 1.99, 2, 100].map(second => labelAt(parts, second)),
    ['one', 'one', 'one', 'two', 'two'],
  )
  assert.equal(labelAt('whole', 7), 'whole')
})
