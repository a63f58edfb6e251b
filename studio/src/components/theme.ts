/** Light or dark: as the system has it, or as chosen here. */
import { effect, type ReadonlySignal, type Signal, signal } from '@preact/signals-core'

export type ThemeName = 'light' | 'dark'

const KEY = 'diffwave-studio-theme'

function stored(): ThemeName | null {
  try {
    const name = localStorage.getItem(KEY)
    return name === 'light' || name === 'dark' ? name : null
  } catch {
    // Storage may be forbidden.
    return null
  }
}

export class Theme {
  readonly #name: Signal<ThemeName>

  constructor() {
    const system = matchMedia('(prefers-color-scheme: dark)')
    const ofSystem = (): ThemeName => (system.matches ? 'dark' : 'light')
    this.#name = signal(stored() ?? ofSystem())
    system.addEventListener('change', () => {
      if (stored() === null) this.#name.value = ofSystem()
    })
    effect(() => {
      document.documentElement.dataset['theme'] = this.#name.value
    })
  }

  get name(): ReadonlySignal<ThemeName> {
    return this.#name
  }

  toggle(): void {
    const next = this.#name.value === 'dark' ? 'light' : 'dark'
    try {
      localStorage.setItem(KEY, next)
    } catch {
      // Then the choice lasts as long as the page.
    }
    this.#name.value = next
  }
}

/** The page's theme: canvases are drawn again when it changes. */
export const theme = new Theme()
