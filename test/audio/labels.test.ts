/** The recordings of a folder and the class label of each. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { labelAt, labelledFiles } from '#src/audio/labels'
import { code } from '../support/errors.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder('audio-files')

test('a label comes from metadata.csv or the folder’s name, and may start at a second', async () => {
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

test('a labelled part begins at its second, and the first covers what is before, too', () => {
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

test('a label is found without going through all parts', () => {
  let looks = 0
  const parts = Array.from({ length: 1000 }, (_, i) => ({
    get from() {
      looks++
      return i
    },
    label: String(i),
  }))
  assert.equal(labelAt(parts, 700.5), '700')
  assert.ok(looks < 20, `${looks} looks`)
})

describe('a line of metadata.csv', () => {
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

  test('labels the recording of that path, and no other of the same name', async () => {
    const table = 'a/01.wav,cat\nb/01.wav,dog\nc\\01,cow\n'
    const { labels } = await labelled(table, 'a/01.wav', 'b/01.wav', 'c/01.flac', 'd/01.wav')
    assert.deepEqual(labels, { 'a/01.wav': 'cat', 'b/01.wav': 'dog', 'c/01.flac': 'cow', 'd/01.wav': 'd' })
  })

  test('prefers a recording at the top to one of the same name in a subfolder', async () => {
    const { labels } = await labelled('01,cat\n02,dog\n', '01.wav', 'sub/01.wav', 'wavs/02.wav')
    assert.deepEqual(labels, { '01.wav': 'cat', 'sub/01.wav': 'sub', 'wavs/02.wav': 'dog' })
  })

  test('matches recordings by the end of a path if it was written for a parent folder', async () => {
    const { labels, notes } = await labelled('set/wavs/01.wav,cat\n', '01.wav', 'other/01.wav')
    assert.deepEqual(labels, { '01.wav': 'cat', 'other/01.wav': 'other' })
    assert.deepEqual(notes, [])
  })

  test('is compared with no other recordings than those whose paths could be meant', async context => {
    const { normalize } = String.prototype
    const count = context.mock.method(String.prototype, 'normalize', normalize).mock
    const numbers = Array.from({ length: 200 }, (_, i) => i)
    const table = numbers.map(i => `set/${i}/mic.wav,label ${i}\n`).join('')
    const { labels } = await labelled(table, ...numbers.map(i => `${i}/mic.wav`))
    assert.deepEqual(labels, Object.fromEntries(numbers.map(i => [`${i}/mic.wav`, `label ${i}`])))
    assert.ok(count.callCount() < 20 * numbers.length, `${count.callCount()} paths are looked at`)
  })

  test('matches a path however it is spelled', async () => {
    const { labels } = await labelled('./a//01.wav,cat\nx/../b/./01.wav,dog\n', 'a/01.wav', 'b/01.wav')
    assert.deepEqual(labels, { [join('a', '01.wav')]: 'cat', [join('b', '01.wav')]: 'dog' })
  })

  test('without any label is ignored with a note, and the folders’ names are the labels', async () => {
    const { labels, notes } = await labelled('a/01.wav\n', 'a/01.wav')
    assert.deepEqual(labels, { [join('a', '01.wav')]: 'a' })
    assert.match(notes.join(), /no line has a recording and a label/)
  })

  test('that gives an extension labels only the file with that extension', async () => {
    const { labels } = await labelled('01.wav,cat\n01.flac,dog\n02,cow\n', '01.wav', '01.flac', '02.wav', '02.mp3')
    assert.deepEqual(labels, { '01.wav': 'cat', '01.flac': 'dog', '02.wav': 'cow', '02.mp3': 'cow' })
  })

  test('matches a name however its accents are encoded', async () => {
    const decomposed = 'cafe\u0301.wav'
    assert.deepEqual((await labelled('caf\u00E9.wav,cat\n', decomposed)).labels, { [decomposed]: 'cat' })
    assert.deepEqual((await labelled(`${decomposed},cat\n`, 'caf\u00E9.wav')).labels, { 'caf\u00E9.wav': 'cat' })
  })

  test('that could mean several recordings is refused', async () => {
    await assert.rejects(
      labelled('01,cat\n', 'a/01.wav', 'b/01.wav'),
      code('BAD_DATA', /01 could mean.*a\/01\.wav, b\/01\.wav/),
    )
    await assert.rejects(labelled('x/01,cat\ny/01,dog\n', '01.wav'), code('BAD_DATA', /01\.wav could mean/))
  })

  test('overrides earlier lines, and a note lists repeated lines and missing recordings', async () => {
    const { labels, notes } = await labelled('a,cat\na.wav,dog\nlost.wav,cow\n', 'a.wav')
    assert.deepEqual(labels, { 'a.wav': 'dog' })
    assert.deepEqual(notes, [
      'metadata.csv: 1 of 3 lines name no recording: lost.wav',
      'metadata.csv: named twice, the last line counts: a.wav',
    ])
  })
})
