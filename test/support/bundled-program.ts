/** A program that bundlers make one file of, with the package. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { readWav } from '#src/audio/codecs/read-wav'
import { golden } from './paths.js'

/** The program. @param from what it imports the package from */
export const programOf = (from: string) => `
import { melSpectrogram, namedConventions, readAudio, resample, writeWav } from ${JSON.stringify(from)}
for (const input of process.argv.slice(2)) {
  const audio = await resample(await readAudio(input), 22050)
  await writeWav(input.split('/').at(-1) + '.wav', audio)
  console.log(melSpectrogram(audio, namedConventions.tacotron2).frames)
}
`

/** Runs a bundle of the program on an Opus and a Vorbis file in its folder, and looks at what it wrote. */
export async function runsBundle(bundle: string): Promise<void> {
  const names = ['tones.opus', 'tones.ogg']
  const inputs = names.map(name => golden(`audio/${name}`))
  const cwd = dirname(bundle)
  assert.equal(execFileSync(process.execPath, [bundle, ...inputs], { encoding: 'utf8', cwd }), '22\n22\n')
  for (const name of names) assert.equal((await readWav(join(cwd, `${name}.wav`))).samples.length, 5512)
}
