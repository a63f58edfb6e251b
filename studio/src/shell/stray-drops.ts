/** Files that are dropped outside the places for files. */

/** Keeps browsers from showing such a file in place of the page. Everything made so far would be lost. */
export function refuseStrayDrops(): void {
  const refuse = (event: DragEvent) => {
    // A place for files has taken it. Anything else, such as text that is moved into a field, is left to the browser.
    if (event.defaultPrevented || event.dataTransfer?.types.includes('Files') !== true) return
    event.preventDefault()
    event.dataTransfer.dropEffect = 'none'
  }
  addEventListener('dragover', refuse)
  addEventListener('drop', refuse)
}
