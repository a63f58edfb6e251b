/** Sounds and a backend for tests of the studio's page that need no browser. */
import type { Sound } from '#studio/audio/sound'
import type { StudioBackend, StudioModel } from '#studio/backend/studio-backend'
import type { Surface } from '#studio/drawing/surface'

/** Makes a sine. */
export function sine(frequency: number, seconds: number, sampleRate = 8000, amplitude = 1): Sound {
  const samples = new Float32Array(Math.round(seconds * sampleRate))
  for (let i = 0; i < samples.length; i++) {
    samples[i] = amplitude * Math.sin((2 * Math.PI * frequency * i) / sampleRate)
  }
  return { samples, sampleRate, facts: {} }
}

/** Makes a model as the service lists it. */
export function studioModel(name: string, changes: Partial<StudioModel> = {}): StudioModel {
  return {
    name,
    kind: 'generator',
    isDefault: true,
    sampleRate: 8000,
    labels: null,
    drawsLabels: false,
    clipSeconds: 1,
    shapedNoise: false,
    defaultSteps: 6,
    defaultSampler: 'ddpm',
    defaultGuidance: 0,
    trainingSteps: 50,
    samplingSchedules: [],
    refinementIterations: null,
    parameters: 1,
    license: 'MIT',
    ...changes,
  }
}

/** Makes a backend. A test sets the methods that it needs; the other methods fail. */
export function fakeBackend(own: Partial<StudioBackend>): StudioBackend {
  const missing = async () => {
    throw new Error('not part of this test')
  }
  const methods = { models: missing, schedules: missing, forward: missing, process: missing, vocode: missing }
  return { ...methods, compare: missing, generate: missing, inpaint: missing, denoise: missing, runs: null, ...own }
}

/** Makes a surface that draws nothing and records the texts written on it. */
export function recordingSurface(width: number, height: number) {
  const texts: { readonly text: string; readonly x: number; readonly y: number }[] = []
  const known: Readonly<Record<string, unknown>> = {
    fillText: (text: string, x: number, y: number) => texts.push({ text, x, y }),
    measureText: (text: string) => ({ width: 6 * text.length }),
  }
  const context = new Proxy(known, { get: (target, name) => target[String(name)] ?? (() => {}), set: () => true })
  const palette = { ink: '', muted: '', line: '', accent: '', second: '' }
  const surface = { context: context as unknown as Surface['context'], width, height, ratio: 1, palette }
  return { surface, texts }
}
