// Watches the reverse process: saves the network's prediction of the clean audio after every step.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readMel, Synthesis, Vocoder } from 'diffwave'

const [melPath, folder, model = 'speech'] = process.argv.slice(2)
if (folder === undefined) {
  console.error('usage: node watch-steps.mjs mel.npy output-folder [model]')
  process.exit(2)
}

await mkdir(folder, { recursive: true })
const vocoder = await Vocoder.load(model)
const { mel } = await readMel(melPath, { bands: vocoder.config.mel.bands })

const estimates = []
const speech = await vocoder.synthesize(mel, {
  seed: 1,
  onStep({ index, of, noiseLevel, state, clean }) {
    const rms = Math.hypot(...state().slice(0, 4096)) / 64
    console.log(`step ${index + 1} of ${of}: noise level ${noiseLevel.toFixed(3)}, RMS ${rms.toFixed(3)}`)
    estimates.push(clean())
  },
})

for (const [index, samples] of estimates.entries()) {
  const { sampleRate, seed } = speech
  const heard = new Synthesis({ samples, sampleRate, seed, steps: index + 1 })
  await writeFile(join(folder, `step-${index + 1}.wav`), heard.toWav())
}
await speech.save(join(folder, 'final.wav'))
await vocoder.dispose()
