import { type MelConvention, melConventionSchema } from '#src/audio/mel/convention'

/** The fields in which the conventions of small test networks differ. */
interface SmallConvention {
  readonly fftSize: number
  readonly hop: number
  readonly bands: number
  readonly maxFrequency: number
}

/** Makes a mel convention at 8 kHz, with natural logarithms of magnitudes. */
export function smallConvention({ fftSize, hop, bands, maxFrequency }: SmallConvention): MelConvention {
  return melConventionSchema.parse({
    sampleRate: 8000,
    fftSize,
    windowLength: fftSize,
    hop,
    framing: 'centre',
    power: 1,
    bands,
    melScale: 'slaney',
    filterNorm: 'none',
    minFrequency: 0,
    maxFrequency,
    logarithm: 'ln',
    floor: 1e-5,
  })
}
