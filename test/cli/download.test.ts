/** Models by address: every command that takes one shows the progress of its download. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, beforeEach, describe, test } from 'node:test'
import { commands } from '#src/cli/commands'
import { runProgram } from '#src/cli/program'
import { noiseWav, npyMel, smallVocoder } from '../support/cli-inputs.js'
import { type FileServer, fileServer } from '../support/file-server.js'
import { scratch } from '../support/process.js'

const { at, put } = scratch()
const recording = put('recordings/a.wav', noiseWav(0, 4000))
const mel = put('mel.npy', npyMel(4))
const silent = ['--steps', '1', '--seed', '1', '--threads', '1']

let server: FileServer
let address = ''
before(async () => {
  server = await fileServer()
  server.files.set('/model.pt', readFileSync(smallVocoder))
  address = `${server.url}/model.pt`
})
after(() => server.close())

/** What a command writes to a terminal. The server lives in this process, so the command does, too. */
async function shownBy(args: readonly string[]): Promise<string> {
  const { isTTY } = process.stderr
  const { write } = process.stderr
  const written: string[] = []
  process.stderr.isTTY = true
  process.stderr.write = (text: string | Uint8Array) => written.push(String(text)) > 0
  try {
    await runProgram(commands, args, new AbortController().signal)
  } finally {
    process.stderr.isTTY = isTTY
    process.stderr.write = write
  }
  return written.join('')
}

describe('the download of a model has a progress bar', () => {
  let count = 0
  beforeEach(() => {
    process.env['DIFFWAVE_CACHE'] = at(`cache-${count++}`)
  })
  after(() => {
    delete process.env['DIFFWAVE_CACHE']
  })

  const cases: Readonly<Record<string, (model: string) => readonly string[]>> = {
    export: model => ['export', model, '-o', at('a.safetensors')],
    convert: model => ['convert', model, '-o', at('converted')],
    inspect: model => ['inspect', model],
    mel: model => ['mel', recording, '-m', model, '-o', at('of-model.npy')],
    synthesize: model => ['synthesize', mel, '-m', model, '-o', at('a.wav'), ...silent],
    resynthesize: model => ['resynthesize', recording, '-m', model, '-o', at('b.wav'), ...silent],
    evaluate: model => ['evaluate', '-m', model, '--reference', at('recordings'), '--no-baseline', ...silent],
    tune: model => [
      ...['tune', recording, '-m', model, '--steps', '2', '--dry-run'],
      ...['--evaluations', '4', '--seconds', '0.1'],
    ],
  }
  for (const [title, args] of Object.entries(cases)) {
    test(`in ${title}`, async () => assert.match(await shownBy(args(address)), /download .*0%/))
  }
})
