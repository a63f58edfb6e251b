// Repairs a damaged recording: fills gaps, given in seconds, so that both sides join, and leaves the rest as it is.
import { readAudio, Vocoder } from 'diffwave'

const [damaged, repaired, list, model = 'speech'] = process.argv.slice(2)
if (list === undefined) {
  console.error('usage: node inpaint.mjs damaged.wav repaired.wav 1.20-1.25,3-3.1 [model]')
  process.exit(2)
}
const gaps = list.split(',').map(gap => {
  const [start, end] = gap.split('-').map(Number)
  return { start, end }
})

const vocoder = await Vocoder.load(model)
const result = await vocoder.inpaint(await readAudio(damaged), { gaps, seed: 1 })
await result.save(repaired)
await vocoder.dispose()
