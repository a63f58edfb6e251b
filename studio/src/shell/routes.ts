/** The views and their addresses: the part after `#`. */
import { signal } from '@preact/signals-core'

export const viewNames = ['process', 'vocode', 'generate', 'repair', 'training'] as const
export type ViewName = (typeof viewNames)[number]

export const viewTitles: Readonly<Record<ViewName, string>> = {
  process: 'Process',
  vocode: 'Vocode',
  generate: 'Generate',
  repair: 'Repair',
  training: 'Training',
}

/** One line under the title. */
export const viewLedes: Readonly<Record<ViewName, string>> = {
  process: 'How a recording becomes noise, and how noise becomes a recording.',
  vocode: 'Copies of recordings, made from their mels, with and without the network.',
  generate: 'Music and digits from noise alone.',
  repair: 'Fill gaps in recordings, or remove noise.',
  training: 'The progress of a training run.',
}

/** The view that an address names; `null` if it names none. */
export function viewOf(hash: string): ViewName | null {
  const name = hash.replace(/^#\/?/, '')
  return viewNames.find(known => known === name) ?? null
}

/** The view that is shown. */
export class Route {
  readonly view = signal<ViewName>(viewOf(location.hash) ?? viewNames[0])

  constructor() {
    addEventListener('hashchange', () => {
      const named = viewOf(location.hash)
      if (named !== null) this.view.value = named
      // Others lead to a place within the view. The address keeps naming the view, in case the page is loaded again.
      else history.replaceState(history.state, '', `#/${this.view.value}`)
    })
  }
}
