/** Device pixels per CSS pixel: it changes with the zoom of the page, and when a window moves to another screen. */
import { type ReadonlySignal, signal } from '@preact/signals-core'

const ratio = signal(devicePixelRatio)

function watch(): void {
  const change = () => {
    ratio.value = devicePixelRatio
    watch()
  }
  // A query is for one ratio.
  matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', change, { once: true })
}
watch()

/** The page's ratio: canvases are drawn again when it changes. */
export const pixelRatio: ReadonlySignal<number> = ratio
