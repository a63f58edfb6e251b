/** The log of a run of interop/pytorch. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inRepository } from '../support/paths.js'
import { scratch } from '../support/process.js'
import { pythonWith, runPython } from './python.js'

const python = pythonWith('json')

test('a resumed run keeps the lines up to its step, and drops one cut short by a kill', {
  skip: python === null ? 'needs Python' : false,
}, async () => {
  const { folder, at, put } = scratch()
  put('metrics.jsonl', '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n{"step": 3, "loss": 0.1}\n{"step": 4, "lo')
  const program = `
import sys
sys.path.insert(0, sys.argv[1])
from diffwave_torch.metrics import append_metrics, cut_metrics
cut_metrics(sys.argv[2], 2)
append_metrics(sys.argv[2], {"step": 3, "loss": 0.125, "gradientNorm": float("nan")})
`
  const { status, stderr } = await runPython(python!, program, [inRepository('interop/pytorch'), folder])
  assert.equal(status, 0, stderr)
  assert.equal(
    readFileSync(at('metrics.jsonl'), 'utf8'),
    '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n{"step": 3, "loss": 0.125, "gradientNorm": null}\n',
  )
  assert.deepEqual(readdirSync(folder), ['metrics.jsonl'])
})
