/** Files that are not what their name says, and what to do about them. */

const GIT_LFS = 'version https://git-lfs.github.com/spec/'

/**
 * what a file that is not what it should be really is: a Git LFS pointer, or a web page saved in its place.
 *
 * @returns one sentence for an error's `hint`; undefined if the bytes are neither
 */
export function wrongFileHint(bytes: Uint8Array): string | undefined {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 512)).replace(/^(\u00ef\u00bb\u00bf)?\s*/, '')
  if (start.startsWith(GIT_LFS)) {
    return 'This is a Git LFS pointer, not the file itself: run `git lfs pull` in its repository.'
  }
  if (/^<(!doctype html|html|head|\?xml|!--)/i.test(start)) {
    return 'This is a web page, not the file itself: the download failed or needs a login.'
  }
  return undefined
}
