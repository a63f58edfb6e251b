// Vocodes a mel while it arrives, as from a text-to-speech model that streams, and prints how long the audio took.
import { setTimeout } from 'node:timers/promises'
import { readMel, Synthesis, Vocoder } from 'diffwave'

const [melPath, wavPath, model = 'speech'] = process.argv.slice(2)
if (wavPath === undefined) {
  console.error('usage: node live-mel.mjs mel.npy speech.wav [model]')
  process.exit(2)
}

const vocoder = await Vocoder.load(model, { latency: 'low' })
const { bands, hop, sampleRate } = vocoder.config.mel
const { mel } = await readMel(melPath, { bands })

/** Stands for the text-to-speech model: yields four frames at a time, each piece when it would have been spoken. */
async function* arriving() {
  const start = performance.now()
  for (let frame = 0; frame < mel.frames; frame += 4) {
    const frames = Math.min(4, mel.frames - frame)
    // Mels are [bands × frames]: all frames of the lowest band first.
    const data = new Float32Array(bands * frames)
    for (let band = 0; band < bands; band++) {
      const from = band * mel.frames + frame
      data.set(mel.data.subarray(from, from + frames), band * frames)
    }
    const spoken = start + (1000 * (frame + frames) * hop) / sampleRate
    await setTimeout(Math.max(0, spoken - performance.now()))
    yield { data, bands, frames }
  }
}

// Fewer steps and no refinement shorten the wait further: docs/streaming-and-latency.md has a table.
const stream = vocoder.stream(arriving(), { seed: 1, steps: 2, refine: 0, chunkFrames: 4 })
console.log(`look-ahead: ${(stream.lookAhead / sampleRate).toFixed(2)} s`)
const start = performance.now()
const pieces = []
for await (const samples of stream) {
  if (pieces.length === 0) console.log(`first audio after ${((performance.now() - start) / 1000).toFixed(2)} s`)
  pieces.push(...samples)
}
console.log(`last audio after ${((performance.now() - start) / 1000).toFixed(2)} s`)
await new Synthesis({ ...stream, samples: Float32Array.from(pieces) }).save(wavPath)
await vocoder.dispose()
