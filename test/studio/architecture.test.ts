/** The layout of the studio's page: which folder may import which, and which parts of the library. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { inRepository } from '../support/paths.js'

const src = inRepository('studio/src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => /\.tsx?$/.test(file))
const text = (file: string) => readFileSync(join(src, file), 'utf8')
const specifiers = (file: string) => [...text(file).matchAll(/from '([^']+)'/g)].map(match => match[1]!)
const folderOf = (file: string) => (file.includes('/') ? file.split('/')[0]! : '.')

/** The library's file behind an import, as a browser gets it. */
function platformFile(name: string): string {
  return name.startsWith('#platform/') ? `${name.slice('#platform/'.length)}.browser` : name.slice('#src/'.length)
}

/** The folders that each folder may import from, besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  audio: ['core'],
  backend: ['audio', 'core'],
  engine: ['backend', 'audio', 'core'],
  drawing: ['audio'],
  components: ['drawing', 'backend', 'audio', 'core'],
  views: ['components', 'drawing', 'backend', 'audio', 'core'],
  report: ['components', 'audio'],
  shell: ['views', 'components', 'backend', 'audio', 'core'],
  '.': ['shell', 'engine', 'backend'],
}

describe('the code of the studio', () => {
  test('imports in one direction', () => {
    for (const file of files) {
      const from = folderOf(file)
      for (const name of specifiers(file).filter(other => other.startsWith('.'))) {
        const to = folderOf(relative(src, join(src, dirname(file), name)))
        assert.ok(to === from || allowed[from]?.includes(to), `${file} imports ${name}`)
      }
    }
  })

  test('has views that import neither each other nor a specific backend', () => {
    for (const file of files.filter(other => other.startsWith('views/'))) {
      const view = file.split('/')[1]
      for (const name of specifiers(file).filter(other => other.startsWith('.'))) {
        const path = relative(src, join(src, dirname(file), name))
        if (path.startsWith('views/')) assert.equal(path.split('/')[1], view, `${file} imports ${name}`)
        assert.doesNotMatch(path, /^(backend\/http|engine\/)/, file)
      }
    }
  })

  const isLibrary = (name: string) => /^#(src|platform)\//.test(name)

  test('imports little of the library outside its engine', () => {
    const taken = files.filter(file => folderOf(file) !== 'engine').flatMap(specifiers)
    assert.deepEqual([...new Set(taken.filter(isLibrary))].sort(), [
      '#src/audio/codecs/wav-bytes',
      '#src/audio/rate-note',
      '#src/audio/transforms/stft',
      '#src/core/concatenate',
      '#src/core/save-file.browser',
      '#src/formats/metrics-lines',
      '#src/formats/tensor-file',
      '#src/formats/tfevents',
    ])
  })

  test('imports only parts of the library that need no Node.js', () => {
    const reached = new Set<string>()
    const visit = (file: string) => {
      if (reached.has(file)) return
      reached.add(file)
      const code = readFileSync(inRepository(`src/${file}.ts`), 'utf8')
      for (const [, name] of code.matchAll(/^(?:import|export) (?!type )[^(]*?from '([^']+)'/gms)) {
        assert.doesNotMatch(name!, /^node:/, `${file} imports ${name}`)
        if (name!.startsWith('.')) visit(join(dirname(file), name!).replace(/\.js$/, ''))
        else if (isLibrary(name!)) visit(platformFile(name!))
      }
    }
    for (const name of files.flatMap(specifiers).filter(isLibrary)) visit(platformFile(name))
    assert.ok(reached.has('engines/wasm/create-engine') && reached.has('generator'))
  })

  test('has models without the DOM, so that they can be tested', () => {
    for (const file of files.filter(other => /-model\.ts$/.test(other))) {
      assert.doesNotMatch(text(file), /\b(document|window|localStorage)\b|from 'preact/, file)
    }
  })
})
