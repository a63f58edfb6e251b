/** One clip: picture, player, keep and export. */
import { saveFile } from '#src/core/save-file.browser'
import type { LevelRange } from '../../audio/spectrogram.js'
import { wavFile } from '../../audio/wav-file.js'
import { PlayButton } from '../../components/play-button.js'
import { SoundFigure } from '../../components/sound-figure.js'
import type { Clip } from './clip.js'

export function ClipCard({ clip, range }: { clip: Clip; range: LevelRange | undefined }) {
  const kept = clip.kept.value
  return (
    <li class={kept ? 'clip kept' : 'clip'}>
      <SoundFigure
        title={clip.title}
        sound={clip.sound}
        player={clip.player}
        range={range}
        height={150}
        withWaveform={false}
        withLevels={false}
      />
      <div class="clip-actions">
        <PlayButton player={clip.player} of={clip.title} />
        <button
          type="button"
          class="button"
          aria-pressed={kept}
          aria-label={`Keep ${clip.title}`}
          onClick={() => {
            clip.kept.value = !kept
          }}
        >
          Keep
        </button>
        <button
          type="button"
          class="button quiet"
          aria-label={`Save ${clip.title} as WAV`}
          onClick={() => saveFile(clip.fileName, wavFile(clip.sound), 'audio/wav')}
        >
          Save
        </button>
      </div>
    </li>
  )
}
