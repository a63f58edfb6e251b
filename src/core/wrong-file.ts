/** Files that are not what their name says, and what to do about them. */

const GIT_LFS = 'version https://git-lfs.github.com/spec/'

/**
 * What a file that is not what it should be really is: a Git LFS pointer, a web page or a server's message saved in its
 * place, an archive, or a model of another program.
 *
 * @returns one sentence for an error's `hint`; undefined if the bytes are none of these
 */
export function wrongFileHint(bytes: Uint8Array): string | undefined {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 512)).replace(/^(\u00ef\u00bb\u00bf)?\s*/, '')
  if (start.startsWith(GIT_LFS)) {
    return 'This is a Git LFS pointer, not the file itself: run `git lfs pull` in its repository.'
  }
  if (/^<(!doctype html|html|head|\?xml|!--)/i.test(start)) {
    return 'This is a web page, not the file itself: the download failed or needs a login.'
  }
  if (/^\{\s*"(error|message|detail|status|code)"/.test(start)) {
    return 'This is an error message of a server, not the file itself: the download failed or needs a login.'
  }
  if (bytes.length < MAX_MESSAGE && /^[\x20-\x7e\r\n\t]+$/.test(start) && MESSAGE.test(start)) {
    return 'This is a server’s refusal, not the file itself: the download failed or needs a login.'
  }
  return archives.find(({ signature, at }) => start.startsWith(signature, at))?.hint
}

/** What hubs answer in plain text, and the longest such answer. */
const MESSAGE = /not found|unauthori[sz]ed|forbidden|denied|invalid|restricted|rate limit|too many requests/i
const MAX_MESSAGE = 512

const archives: readonly { readonly signature: string; readonly at: number; readonly hint: string }[] = [
  { signature: '\x1f\x8b', at: 0, hint: 'This is a gzip archive: unpack it and name the file inside.' },
  { signature: 'BZh', at: 0, hint: 'This is a bzip2 archive: unpack it and name the file inside.' },
  { signature: '\xfd7zXZ', at: 0, hint: 'This is an xz archive: unpack it and name the file inside.' },
  { signature: '7z\xbc\xaf', at: 0, hint: 'This is a 7z archive: unpack it and name the file inside.' },
  { signature: 'Rar!', at: 0, hint: 'This is a RAR archive: unpack it and name the file inside.' },
  { signature: 'ustar', at: 257, hint: 'This is a tar archive: unpack it and name the file inside.' },
  {
    signature: '\x89HDF',
    at: 0,
    hint: 'This is an HDF5 file, as Keras writes it: save the weights with PyTorch instead.',
  },
]
