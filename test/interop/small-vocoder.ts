/** A vocoder of few weights that both trainers can train, as the `model` of a training config. */
export const smallVocoder = {
  kind: 'vocoder',
  sampleRate: 22050,
  network: {
    channels: 8,
    layers: 2,
    dilationCycle: 2,
    frontEnd: { kind: 'windows', kernel: 256, stride: 128, bins: 93, envelope: {} },
    inputMask: { steps: 200 },
    stepEmbedding: { frequencies: 'inverse', fractional: 'direct', size: 8, hidden: 8 },
    mel: { kind: 'frame-rate', bands: 80, hop: 256, encoder: [8] },
  },
  mel: 'tacotron2',
  diffusion: { training: { kind: 'cosine', steps: 200 }, prediction: 'x0', prior: { kind: 'front-end' } },
}
