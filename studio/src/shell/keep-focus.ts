/** Where the focus goes when what has it is removed from the page, such as a button that removes its own card. */

/** Parts of the page that can take the focus in place of what was in them. */
const PARTS = 'section, form, fieldset, aside, ul, main'

/** The parts around an element, the nearest first. */
function partsAround(element: Element): readonly HTMLElement[] {
  const part = element.closest<HTMLElement>(PARTS)
  if (part === null) return []
  return part.parentElement === null ? [part] : [part, ...partsAround(part.parentElement)]
}

/**
 * Moves the focus to the nearest part of the page that is left. Otherwise the keyboard would start at the top of the
 * page, and a screen reader would say nothing.
 */
export function keepFocus(): void {
  let focused: Element | null = null
  let around: readonly HTMLElement[] = []
  addEventListener('focusin', ({ target }) => {
    focused = target as Element
    around = partsAround(focused)
  })
  addEventListener('focusout', ({ target }) => {
    // A press beside all controls takes the focus away on purpose. A control that was removed is gone by now.
    queueMicrotask(() => {
      if (target === focused && focused?.isConnected && document.activeElement !== focused) focused = null
    })
  })
  new MutationObserver(() => {
    if (focused === null || focused.isConnected || document.activeElement !== document.body) return
    const part = around.find(one => one.isConnected)
    if (part === undefined) return
    if (!part.hasAttribute('tabindex')) part.tabIndex = -1
    part.focus({ preventScroll: true })
  }).observe(document.body, { childList: true, subtree: true })
}
