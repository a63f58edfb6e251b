/** Which files of a folder are recordings, and of which class. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { labelAt, labelledFiles } from '#src/audio/labels'
import { code } from '../support/errors.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder('audio-files')

test('a class comes from metadata.csv, else the folder, and may start at a second', async () => {
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

describe('a line of metadata.csv means', () => {
  let folders = 0
  /** Labels by file of a folder with these files and this table, and what was noted. */
  async function labelled(table: string, ...files: readonly string[]) {
    const own = join(folder, `own-${folders++}`)
    mkdirSync(own)
    for (const file of files) {
      mkdirSync(join(own, file, '..'), { recursive: true })
      writeFileSync(join(own, file), '')
    }
    writeFileSync(join(own, 'metadata.csv'), table)
    const notes: string[] = []
    const found = await labelledFiles(own, { onNote: note => notes.push(note) })
    return { labels: Object.fromEntries(found.map(({ name, label }) => [name, label])), notes }
  }

  test('the recording of that path, not others of the same name', async () => {
    const table = 'a/01.wav,cat\nb/01.wav,dog\nc\\01,cow\n'
    const { labels } = await labelled(table, 'a/01.wav', 'b/01.wav', 'c/01.flac', 'd/01.wav')
    assert.deepEqual(labels, { 'a/01.wav': 'cat', 'b/01.wav': 'dog', 'c/01.flac': 'cow', 'd/01.wav': 'd' })
  })

  test('the recording at the top if it is there, else the one below of that name', async () => {
    const { labels } = await labelled('01,cat\n02,dog\n', '01.wav', 'sub/01.wav', 'wavs/02.wav')
    assert.deepEqual(labels, { '01.wav': 'cat', 'sub/01.wav': 'sub', 'wavs/02.wav': 'dog' })
  })

  test('a table written for a folder above matches recordings by the end of a path', async () => {
    const { labels } = await labelled('set/wavs/01.wav,cat\n', '01.wav', 'other/01.wav')
    assert.deepEqual(labels, { '01.wav': 'cat', 'other/01.wav': 'other' })
  })

  test('the recording of that path, however it is spelled', async () => {
    const { labels } = await labelled('./a//01.wav,cat\nx/../b/./01.wav,dog\n', 'a/01.wav', 'b/01.wav')
    assert.deepEqual(labels, { [join('a', '01.wav')]: 'cat', [join('b', '01.wav')]: 'dog' })
  })

  test('nothing if no line has a label, which is noted', async () => {
    const { labels, notes } = await labelled('a/01.wav\n', 'a/01.wav')
    assert.deepEqual(labels, { [join('a', '01.wav')]: 'a' })
    assert.match(notes.join(), /no line has a recording and a label/)
  })

  test('the file with its ending, if there are several', async () => {
    const { labels } = await labelled('01.wav,cat\n01.flac,dog\n02,cow\n', '01.wav', '01.flac', '02.wav', '02.mp3')
    assert.deepEqual(labels, { '01.wav': 'cat', '01.flac': 'dog', '02.wav': 'cow', '02.mp3': 'cow' })
  })

  test('the same name, whichever way its accents are stored', async () => {
    const decomposed = 'cafe\u0301.wav'
    assert.deepEqual((await labelled('caf\u00E9.wav,cat\n', decomposed)).labels, { [decomposed]: 'cat' })
    assert.deepEqual((await labelled(`${decomposed},cat\n`, 'caf\u00E9.wav')).labels, { 'caf\u00E9.wav': 'cat' })
  })

  test('nothing if it could mean several recordings: that is refused by name', async () => {
    await assert.rejects(
      labelled('01,cat\n', 'a/01.wav', 'b/01.wav'),
      code('BAD_DATA', /01 could mean.*a\/01\.wav, b\/01\.wav/),
    )
    await assert.rejects(labelled('x/01,cat\ny/01,dog\n', '01.wav'), code('BAD_DATA', /01\.wav could mean/))
  })

  test('what it says last; lines without a recording and repeated ones are noted', async () => {
    const { labels, notes } = await labelled('a,cat\na.wav,dog\nlost.wav,cow\n', 'a.wav')
    assert.deepEqual(labels, { 'a.wav': 'dog' })
    assert.deepEqual(notes, [
      'metadata.csv: 1 of 3 lines name no recording: lost.wav',
      'metadata.csv: named twice, the last line counts: a.wav',
    ])
  })
})
