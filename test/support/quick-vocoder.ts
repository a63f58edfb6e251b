/** A vocoder that makes long results in little time, for tests of what is done with them. */
import { writeModelFolder } from '#src/model/folder'
import { smallStepEmbedding, smallVocoderConfig } from './configs.js'
import { randomParameters } from './parameters.js'
import { scratchFolder } from './scratch.js'

/** Writes a vocoder of one layer at a 64th of the sample rate (22,050 Hz, 80 bands, hop 256). @returns its folder */
export async function quickVocoder(): Promise<string> {
  const mel = { kind: 'frame-rate', bands: 80, hop: 256 } as const
  const config = smallVocoderConfig({
    network: { stepEmbedding: smallStepEmbedding, channels: 2, layers: 1, dilationCycle: 1, patch: 64, mel },
  })
  const folder = scratchFolder('quick')
  await writeModelFolder(folder, { config, parameters: randomParameters(config.network, 1) })
  return folder
}
