/** Starts and stops a player. */
import type { Player } from '../audio/player.js'

export interface PlayButtonProps {
  readonly player: Player
  /** What is played. */
  readonly of: string
  /** Whether the button says so in words, too. */
  readonly labelled?: boolean
}

export function PlayButton({ player, of, labelled = true }: PlayButtonProps) {
  const playing = player.playing.value
  const verb = playing ? 'Pause' : 'Play'
  return (
    <button
      type="button"
      class={labelled ? 'button play' : 'button play icon-only'}
      aria-label={`${verb} ${of}`}
      disabled={player.duration.value === 0}
      onClick={() => player.toggle()}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {playing ? <path d="M4 3h3v10H4zM9 3h3v10H9z" /> : <path d="M4 2.5v11l9-5.5z" />}
      </svg>
      {labelled && <span>{verb}</span>}
    </button>
  )
}
