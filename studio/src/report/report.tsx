/**
 * Makes the sounds of a report (src/evaluation/report) those of the studio: pictures with axes, copies of a recording
 * switched while they play. Without it a report has plain pictures and players.
 */
// Components that read signals are drawn again when these change.
import '@preact/signals'
import { render } from 'preact'
import { useState } from 'preact/hooks'
import { decodeSound } from '../audio/decode.js'
import { loudnessOf, playbackGain } from '../audio/loudness.js'
import { Player } from '../audio/player.js'
import type { Sound } from '../audio/sound.js'
import { Stage } from '../audio/stage.js'
import { wavRate } from '../audio/wav-rate.js'
import { SoundComparison } from '../components/sound-comparison.js'
// Follows the system's colours.
import '../components/theme.js'

const stage = new Stage()

/** The sound of a figure's player, a `data:` address. */
async function soundOf(figure: Element): Promise<Sound> {
  const response = await fetch(figure.querySelector('audio')!.src)
  const bytes = new Uint8Array(await response.arrayBuffer())
  return decodeSound(bytes, wavRate(bytes))
}

function titleOf(figure: Element): string {
  return figure.querySelector('figcaption')?.textContent ?? ''
}

function Sounds({ name, sounds }: { name: string; sounds: ReadonlyMap<string, Sound> }) {
  const [heard, setHeard] = useState([...sounds.keys()][0]!)
  const [player] = useState(() => {
    const made = new Player(stage)
    made.setTracks(sounds)
    return made
  })
  // One gain for all, so that their loudness can be compared.
  const gain = Math.min(1, ...[...sounds.values()].map(({ samples }) => playbackGain(loudnessOf(samples))))
  player.solo(heard, gain)
  return <SoundComparison name={name} player={player} sounds={sounds} heard={heard} onHear={setHeard} />
}

/** Puts the studio's components in the place of figures. */
async function replace(place: Element, name: string, figures: readonly Element[]): Promise<void> {
  const entries = await Promise.all(figures.map(async figure => [titleOf(figure), await soundOf(figure)] as const))
  place.replaceChildren()
  place.classList.add('live')
  render(<Sounds name={name} sounds={new Map(entries)} />, place)
}

/** What is replaced once it comes into view: a long report has hundreds of sounds. */
const waiting = new Map<Element, () => Promise<void>>()
const observer = new IntersectionObserver(
  entries => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue
      observer.unobserve(target)
      // A sound that cannot be decoded keeps its plain player.
      waiting
        .get(target)?.()
        .catch(() => undefined)
    }
  },
  { rootMargin: '50%' },
)

function watch(place: Element, replaceIt: () => Promise<void>): void {
  waiting.set(place, replaceIt)
  observer.observe(place)
}

for (const group of document.querySelectorAll('.sounds')) {
  const figures = [...group.querySelectorAll('figure')]
  const name = group.getAttribute('data-name')
  if (name !== null) watch(group, () => replace(group, name, figures))
  else for (const figure of figures) watch(figure, () => replace(figure, titleOf(figure), [figure]))
}
