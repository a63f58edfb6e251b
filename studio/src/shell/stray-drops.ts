/** Files that are dropped beside the places for them. */

/** Keeps browsers from showing such a file in place of the page, with which everything made so far would be gone. */
export function refuseStrayDrops(): void {
  const refuse = (event: DragEvent) => {
    // A place for files has taken it; what is no file, such as a text that is moved into a field, is the browser's.
    if (event.defaultPrevented || event.dataTransfer?.types.includes('Files') !== true) return
    event.preventDefault()
    event.dataTransfer.dropEffect = 'none'
  }
  addEventListener('dragover', refuse)
  addEventListener('drop', refuse)
}
