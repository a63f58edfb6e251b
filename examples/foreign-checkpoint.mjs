// Loads a vocoder checkpoint of lmnt-com/diffwave or philsyn/DiffWave-Vocoder as it is, and vocodes a mel with it.
import { loadModel, readMel, Vocoder } from 'diffwave'

const [checkpoint, melPath, wavPath] = process.argv.slice(2)
if (wavPath === undefined) {
  console.error('usage: node foreign-checkpoint.mjs weights.pt mel.npy speech.wav')
  process.exit(2)
}

// What a checkpoint does not state can be given as options, for example `dilationCycle` or `diffusionSteps`.
const denoiser = await loadModel(checkpoint)
const { kind, sampleRate, network } = denoiser.config
console.log(`${kind}, ${sampleRate} Hz, ${network.layers} layers of ${network.channels} channels`)
console.log(`engine: ${denoiser.engine.name} (${denoiser.engine.device})`)

const { mel } = await readMel(melPath, { bands: network.mel.bands })

// Runs the network alone, which predicts the noise in a clip at one diffusion step. For audio, Vocoder runs all steps.
const silence = new Float32Array(mel.frames * denoiser.config.mel.hop)
const [noise] = await denoiser.predictNoise({ audio: [silence], steps: [10], mel: [mel] })
console.log(`predicted noise: RMS ${(Math.hypot(...noise.slice(0, 4096)) / 64).toFixed(3)}`)

const vocoder = new Vocoder(denoiser)
await (await vocoder.synthesize(mel, { seed: 1 })).save(wavPath)
await vocoder.dispose()
