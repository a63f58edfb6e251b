// Streams speech over HTTP while it is being made: post a mel, receive a WAV that starts to play before it is complete.
// usage: PORT=8080 node examples/http-server.mjs [model]
//        curl --data-binary @mel.f32 localhost:8080 | aplay      (float32, [bands × frames], row by row)
import { createServer } from 'node:http'
import { arrayBuffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { DiffWaveError, Vocoder, wavBytes } from 'diffwave'

const vocoder = await Vocoder.load(process.argv[2] ?? 'speech')
const { bands } = vocoder.config.mel
/** Max size of a request: a mel of ten minutes. A public service needs more limits. `diffwave serve` has them. */
const MAX_BYTES = 16 * 2 ** 20

const server = createServer(async (request, response) => {
  if (!(Number(request.headers['content-length']) <= MAX_BYTES)) {
    response.writeHead(413).end(`expected a body of at most ${MAX_BYTES} bytes, and its length\n`)
    return
  }
  try {
    const body = await arrayBuffer(request)
    const data = new Float32Array(body, 0, Math.floor(body.byteLength / 4))
    const audio = vocoder.stream({ data, bands, frames: data.length / bands }, { seed: 1 })
    response.setHeader('content-type', 'audio/wav')
    // When the client leaves, the pipeline ends the stream, and the network stops.
    await pipeline(wavBytes(audio), response)
  } catch (error) {
    if (response.headersSent) return
    if (error instanceof DiffWaveError) response.writeHead(400).end(`${error.message}\n`)
    else response.writeHead(500).end('the server failed\n')
  }
})

server.listen(Number(process.env.PORT ?? 8080), () => console.log(`http://localhost:${server.address().port}`))
