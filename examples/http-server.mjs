// Streams speech over HTTP while it is being made: post a mel, receive a WAV that starts to play before it is complete.
// usage: PORT=8080 node examples/http-server.mjs [model]
//        curl --data-binary @mel.f32 localhost:8080 | aplay      (float32, [bands × frames], row by row)
import { createServer } from 'node:http'
import { arrayBuffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { DiffWaveError, Vocoder, wavBytes } from 'diffwave'

const vocoder = await Vocoder.load(process.argv[2] ?? 'speech')
const { bands } = vocoder.config.mel

const server = createServer(async (request, response) => {
  try {
    const body = await arrayBuffer(request)
    const data = new Float32Array(body, 0, Math.floor(body.byteLength / 4))
    const audio = vocoder.stream({ data, bands, frames: data.length / bands }, { seed: 1 })
    response.setHeader('content-type', 'audio/wav')
    // When the client leaves, the pipeline ends the stream, and the network stops.
    await pipeline(wavBytes(audio), response)
  } catch (error) {
    if (!response.headersSent) response.writeHead(error instanceof DiffWaveError ? 400 : 500).end(`${error.message}\n`)
  }
})

server.listen(Number(process.env.PORT ?? 8080), () => console.log(`http://localhost:${server.address().port}`))
