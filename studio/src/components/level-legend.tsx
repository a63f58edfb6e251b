/** The colours of levels, for pictures that are too small for a scale of their own. */
import type { LevelRange } from '../audio/spectrogram.js'
import { cssColour } from '../drawing/colour-map.js'
import { tickLabel } from '../drawing/ticks.js'

const STOPS = 12

export function LevelLegend({ range }: { range: LevelRange }) {
  const stops = Array.from({ length: STOPS }, (_, i) => cssColour(i / (STOPS - 1)))
  return (
    <p class="level-legend">
      <span>{tickLabel(range.min, 0)} dB</span>
      <span class="level-bar" style={{ background: `linear-gradient(to right, ${stops.join(', ')})` }} />
      <span>{tickLabel(range.max, 0)} dB</span>
      <span class="note">0 dB is a full-scale sine</span>
    </p>
  )
}
