/** A small model on a server of files, as the tests of downloads need it. */
import { createHash } from 'node:crypto'
import { encodeSafetensors } from '#src/formats/safetensors'
import { smallGeneratorConfig } from './configs.js'
import { type FileServer, fileServer } from './file-server.js'
import { randomParameters } from './parameters.js'

export const config = smallGeneratorConfig()
export const parameters = randomParameters(config.network, 1)
export const configBytes = Buffer.from(JSON.stringify(config))
export const weightBytes = Buffer.from(encodeSafetensors(parameters))

/** In hexadecimal digits. */
export const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** A server with the model in its folder `/m`. */
export async function servedModel(): Promise<FileServer> {
  const server = await fileServer()
  server.files.set('/m/config.json', configBytes)
  server.files.set('/m/weights.safetensors', weightBytes)
  return server
}
