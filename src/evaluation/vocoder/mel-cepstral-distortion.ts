/**
 * Mel-cepstral distortion in dB (Kubichek 1993): (10/ln 10)·√(2 Σ_{d=1…24} Δc_d²), averaged over the frames in which
 * either recording is audible. The cepstrum is the cosine transform of the log mel power spectrum: ln S_m² = c_0 + 2 Σ
 * c_d cos(πd(m + ½)/M). Own code: meyda's mfcc takes ln(1 + power), which ignores quiet frames, and its filters cannot
 * be limited in frequency.
 */
import type { Mel } from '../../audio/mel/convention.js'

const COEFFICIENTS = 24
/** A frame is audible if its mean mel amplitude is within this factor (−40 dB) of its recording's loudest frame. */
const AUDIBLE = 0.01

/** Mean mel amplitude per frame. */
function frameLevels({ data, bands, frames }: Mel): Float64Array {
  const levels = new Float64Array(frames)
  for (let i = 0; i < data.length; i++) levels[i % frames]! += Math.exp(data[i]!) / bands
  return levels
}

/** @param a a `tacotron2` mel, `[bands × frames]` @param b of the same shape */
export function melCepstralDistortion(a: Mel, b: Mel): number {
  const { bands, frames } = a
  const [levelsA, levelsB] = [frameLevels(a), frameLevels(b)]
  const [loudestA, loudestB] = [levelsA, levelsB].map(levels => levels.reduce((x, y) => Math.max(x, y), 0))
  const cosines = Array.from({ length: COEFFICIENTS }, (_, d) =>
    Float64Array.from({ length: bands }, (_, m) => (2 / bands) * Math.cos((Math.PI * (d + 1) * (m + 0.5)) / bands)),
  )
  let [sum, counted] = [0, 0]
  for (let frame = 0; frame < frames; frame++) {
    if (levelsA[frame]! < AUDIBLE * loudestA! && levelsB[frame]! < AUDIBLE * loudestB!) continue
    let squares = 0
    for (const cosine of cosines) {
      let coefficient = 0
      for (let m = 0; m < bands; m++)
        coefficient += cosine[m]! * (a.data[m * frames + frame]! - b.data[m * frames + frame]!)
      squares += coefficient * coefficient
    }
    sum += (10 / Math.LN10) * Math.sqrt(2 * squares)
    counted++
  }
  return sum / counted
}
