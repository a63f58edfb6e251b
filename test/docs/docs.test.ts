/**
 * Every fenced `sh` and `js` block of the README and of docs/ runs as it stands, in a folder that has the package
 * installed. A block that cannot run here says so after its language: ```sh not-run: reason. Blocks of `js` and
 * commands that need no shell share a process, which loads the package once.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import { encodeNpy } from '#src/formats/npy'
import { readMel } from '#src/formats/read-mel'
import { moduleRunner } from '../support/module-runner.js'
import { distUrl, golden, inRepository } from '../support/paths.js'

interface Block {
  readonly language: string
  readonly reason: string | null
  readonly text: string
}

/** The fenced blocks of a Markdown file. */
function blocks(file: string): readonly Block[] {
  const markdown = readFileSync(inRepository(file), 'utf8')
  return [...markdown.matchAll(/^```(\w*)(?: not-run: (.+))?\n([\s\S]*?)^```$/gm)].map(match => ({
    language: match[1]!,
    reason: match[2] ?? null,
    text: match[3]!,
  }))
}

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(inRepository('docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
  ...readdirSync(inRepository('models')).map(name => `models/${name}/README.md`),
]

/** Holds the inputs; each page's blocks run in a copy. */
let template = ''
let folder = ''
const env = { ...process.env, PATH: '' }

before(async () => {
  template = mkdtempSync(join(tmpdir(), 'diffwave-docs-'))
  folder = join(template, 'inputs')
  mkdirSync(folder)
  const bin = join(folder, 'bin')
  for (const path of [bin, ...['node_modules', 'recordings', 'held-out'].map(name => join(folder, name))])
    mkdirSync(path)
  symlinkSync(inRepository('.'), join(folder, 'node_modules', 'diffwave'))
  // `npx diffwave` finds the package's own command, as it does after `npm install diffwave`.
  const program = `#!/bin/sh\nshift\nexec "${process.execPath}" "${inRepository('dist/cli/main.js')}" "$@"\n`
  writeFileSync(join(bin, 'npx'), program, { mode: 0o755 })
  env.PATH = `${bin}:${process.env['PATH']}`
  await writeInputs()
})

after(() => rmSync(template, { recursive: true }))

/** The files that the pages speak of, as small as they can be. */
async function writeInputs(): Promise<void> {
  const { mel } = await readMel(inRepository('samples/LJ001-0004.npy'), 80)
  const frames = 6
  const short = Float32Array.from(
    { length: 80 * frames },
    (_, i) => mel.data[Math.floor(i / frames) * mel.frames + 100 + (i % frames)]!,
  )
  writeFileSync(join(folder, 'mel.npy'), encodeNpy({ shape: [80, frames], data: short }))
  const write = (name: string, seed: number, length: number) => {
    const samples = gaussian(seed, 0, 0, length).map((z, i) => 0.1 * Math.sin(i / 20) + z / 50)
    writeFileSync(join(folder, name), encodeWav({ samples, sampleRate: 22050 }))
  }
  write('recording.wav', 1, 6615)
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    write(`recordings/${name}.wav`, i, 8192)
    write(`held-out/${name}.wav`, 10 + i, 4096)
  }
  writeFileSync(join(folder, 'weights.pt'), readFileSync(golden('lmnt-conditional-c8-l6/weights.pt')))
  writeFileSync(join(folder, 'train.json'), JSON.stringify(tinyTraining))
}

/** `models/speech/train.json` with a network and a run that take a second. */
const tinyTraining = (() => {
  const config = JSON.parse(readFileSync(inRepository('models/speech/train.json'), 'utf8'))
  const { network } = config.model
  const stepEmbedding = { ...network.stepEmbedding, size: 8, hidden: 8 }
  config.model.network = { ...network, channels: 8, layers: 2, dilationCycle: 2, stepEmbedding }
  config.model.network.mel.encoder = [8]
  config.data = { cropSamples: 2048, batch: 1 }
  config.optimiser.totalSteps = 2
  config.optimiser.warmupSteps = 0
  config.optimiser.decaySteps = null
  config.every = { log: 1, validation: 2, checkpoint: 2 }
  return config
})()

interface Ended {
  readonly status: number | null
  readonly output: string
}

function runShell(script: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-e', '-c', script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', chunk => {
      output += chunk
    })
    child.stderr.on('data', chunk => {
      output += chunk
    })
    child.on('error', reject)
    child.on('close', status => resolve({ status, output }))
  })
}

/** A command that a shell would only split at its spaces. */
const PLAIN = /^npx diffwave( [\w./:@,=-]+)+$/

/** A module that runs such commands, as long as they succeed. */
const moduleOf = (commands: readonly string[]) => `
  import { run } from ${JSON.stringify(distUrl('cli/run.js'))}
  const ending = { signal: new AbortController().signal, exitIfEarly: () => {} }
  for (const line of ${JSON.stringify(commands)}) {
    const status = await run(line.split(' ').slice(2), ending)
    if (status !== 0) process.exit(status)
  }`

const modules = moduleRunner()

/** Runs a block, and asserts that it succeeds. @param name of the module that it becomes */
async function runBlock({ language, text }: Block, name: string): Promise<void> {
  const lines = text.trim().split('\n')
  if (language === 'sh' && !lines.every(line => PLAIN.test(line))) {
    const { status, output } = await runShell(text)
    assert.equal(status, 0, `${text}\n${output}`)
    return
  }
  const script = join(folder, name)
  writeFileSync(script, language === 'sh' ? moduleOf(lines) : text)
  const { error, output } = await modules.run(script, [], folder)
  assert.equal(error, '', `${text}\n${output}`)
}

describe('the documentation', () => {
  for (const page of pages.filter(path => existsSync(inRepository(path)))) {
    const runnable = blocks(page).filter(({ language, reason }) => ['sh', 'js'].includes(language) && reason === null)
    if (runnable.length === 0) continue
    test(`the examples of ${page} run as they stand`, async () => {
      const inputs = join(template, 'inputs')
      folder = join(template, page.replaceAll('/', '-'))
      cpSync(inputs, folder, { recursive: true, verbatimSymlinks: true })
      // In the order of the page: later blocks may use the files of earlier ones.
      for (const [i, block] of runnable.entries()) await runBlock(block, `block-${i}.mjs`)
    })
  }

  test('has modules that leave nothing running', async () => {
    assert.equal(await modules.end(), 0)
  })

  test('has no block without a language, and no empty block', () => {
    for (const page of pages.filter(path => existsSync(inRepository(path)))) {
      for (const { language, text } of blocks(page)) {
        assert.notEqual(language, '', `${page}: ${text}`)
        assert.notEqual(text.trim(), '', page)
      }
    }
  })
})
