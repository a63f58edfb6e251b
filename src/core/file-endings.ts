/** What the ending of a file's name says about its format, for functions and commands that write files. */
import { DiffWaveError } from './errors.js'

/** Endings of well-known formats, which would mislead on a file of another format. */
const known = new Set(
  [
    'wav wave flac mp3 mp4 m4a aac ogg oga opus aif aiff npy npz pt pth pkl ckpt safetensors json jsonl csv txt md',
    'png jpg jpeg pdf htm html zip gz tar bin',
  ].flatMap(names => names.split(' ').map(name => `.${name}`)),
)

/** The ending of a name in lower case, such as `.wav`; empty if it has none. */
export function endingOf(path: string): string {
  return /[^\\/](\.[^.\\/]*)$/.exec(path)?.[1]?.toLowerCase() ?? ''
}

/** Whether an ending names a well-known format. */
export function isKnownEnding(ending: string): boolean {
  return known.has(ending)
}

/**
 * Refuses a name whose ending promises another format than WAV. Other endings, and none, are allowed, as for devices.
 *
 * @throws DiffWaveError `UNSUPPORTED_FORMAT`
 */
export function refuseOtherThanWav(path: string, where: string): void {
  const ending = endingOf(path)
  if (ending === '.wav' || ending === '.wave' || !isKnownEnding(ending)) return
  throw new DiffWaveError('UNSUPPORTED_FORMAT', 'audio is written as WAV only', {
    expected: 'a name that ends in .wav',
    got: path,
    where,
    hint: 'Write a .wav file, and convert it with another program, such as ffmpeg.',
  })
}
