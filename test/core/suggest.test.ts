/** Suggestions for mistyped names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearestName, oneOf, suggestion } from '#src/core/suggest'

test('nearestName sees through omissions, swaps, additions and case', () => {
  const names = ['synthesize', 'resynthesize', 'speech', 'music', 'seed']
  for (const [typed, name] of [
    ['synthesise', 'synthesize'],
    ['sythesize', 'synthesize'],
    ['resyntheszie', 'resynthesize'],
    ['SPEECH', 'speech'],
    ['msuic', 'music'],
    // Two letters of four would be too many: a swap counts as one.
    ['sede', 'seed'],
    ['speeech', 'speech'],
    // The beginning of one name only.
    ['synth', 'synthesize'],
  ]) {
    assert.equal(nearestName(typed!, names), name)
  }
})

test('nothing is suggested for a word that resembles no name', () => {
  assert.equal(nearestName('trombone', ['speech', 'music']), null)
  assert.equal(nearestName('', ['speech']), null)
  assert.equal(nearestName('in', ['inpaint', 'inspect']), null)
  assert.equal(nearestName('speech', []), null)
  assert.deepEqual(suggestion('xyz', ['speech']), {})
  assert.deepEqual(suggestion('speach', ['speech']), { hint: 'Did you mean speech?' })
})

test('oneOf shortens a long list of names', () => {
  assert.equal(oneOf(['a', 'b']), 'one of a, b')
  const many = Array.from({ length: 60 }, (_, i) => `label-${i}`)
  assert.match(oneOf(many), /^one of 60 names \(label-0, .*, label-11, …\)$/)
})
