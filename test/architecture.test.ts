/** Holds the layout: which folder may import which, and who may touch TensorFlow.js, the terminal and chance. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { inRepository } from './support/paths.js'

const src = inRepository('src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const text = (file: string) => readFileSync(join(src, file), 'utf8')
const specifiers = (file: string) => [...text(file).matchAll(/(?:from|import)\s*\(?'([^']+)'/g)].map(match => match[1]!)

/** What a folder of src may import from, itself aside; files that lie in src itself are `.`. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  audio: ['.'],
  formats: ['audio', '.'],
  model: ['formats', 'audio', '.'],
  diffusion: ['model', 'audio', '.'],
  repair: ['diffusion', 'model', 'audio', '.'],
  engines: ['model', 'audio', 'formats', '.'],
  training: ['engines', 'diffusion', 'model', 'formats', 'audio', '.'],
  evaluation: ['engines', 'diffusion', 'model', 'formats', 'audio', '.'],
  cli: ['training', 'evaluation', 'repair', 'engines', 'diffusion', 'model', 'formats', 'audio', '.'],
  '.': ['training', 'evaluation', 'repair', 'engines', 'diffusion', 'model', 'formats', 'audio'],
}
/** The files of src itself that everything may import: they import nothing above them. */
const foundations = ['errors', 'files', 'limits', 'options', 'random', 'tensor'].map(name => `${name}.ts`)

const folderOf = (file: string) => (file.includes('/') ? file.split('/')[0]! : '.')

test('dependencies point one way', () => {
  for (const file of files) {
    const from = folderOf(file)
    for (const specifier of specifiers(file).filter(name => name.startsWith('.'))) {
      const target = relative(src, join(src, dirname(file), specifier)).replace(/\.js$/, '.ts')
      const to = folderOf(target)
      if (to === from) continue
      assert.ok(allowed[from]!.includes(to), `${file} imports ${target}`)
      if (to === '.' && from !== 'cli') assert.ok(foundations.includes(target), `${file} imports ${target}`)
    }
  }
  for (const file of foundations) {
    const ours = specifiers(file).filter(name => name.startsWith('.'))
    for (const name of ours)
      assert.ok(foundations.includes(name.replace('./', '').replace(/\.js$/, '.ts')), `${file}: ${name}`)
  }
})

test('only the TensorFlow.js engine imports TensorFlow.js, only the command line touches the process', () => {
  for (const file of files) {
    if (!file.startsWith('engines/tensorflow/')) {
      assert.ok(!specifiers(file).some(name => name.startsWith('@tensorflow/')), file)
    }
    if (folderOf(file) !== 'cli') {
      assert.doesNotMatch(text(file), /process\.(argv|exit|stdout|stderr|on)|console\./, file)
      assert.ok(!specifiers(file).some(name => ['commander', 'cli-progress', 'picocolors'].includes(name)), file)
    }
  }
})

test('no chance, no default exports, and index.ts re-exports only', () => {
  for (const file of files) {
    assert.doesNotMatch(text(file), /Math\.random|export default/, file)
  }
  const statements = text('index.ts')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .split(/\n(?=export|import)/)
  for (const statement of statements.filter(line => line.trim() !== ''))
    assert.match(statement.trim(), /^export [\s\S]* from '/)
})
