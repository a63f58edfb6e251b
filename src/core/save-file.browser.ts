/** Files that a page hands to the browser's downloads. */

/** How long the browser gets to take up a download before its bytes are freed, in milliseconds. */
const DOWNLOAD_TIME = 60_000

/** Offers a file to the user as a download. @param type as `audio/wav` */
export function saveFile(name: string, bytes: Uint8Array<ArrayBuffer>, type: string): void {
  const url = URL.createObjectURL(new Blob([bytes], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), DOWNLOAD_TIME)
}
