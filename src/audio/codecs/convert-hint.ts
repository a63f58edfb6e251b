/** What to do about a recording of a format or codec that is not read. */
export const CONVERT_HINT = 'Convert it first, for example with ffmpeg: ffmpeg -i recording audio.flac'
