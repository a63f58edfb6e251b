// A Next.js route handler: post a mel to /speech, receive a WAV that streams while it is being made.
// next.config.mjs needs `serverExternalPackages: ['diffwave']`: models and engines lie beside the package's own files.
import { DiffWaveError, Vocoder, wavBytes } from 'diffwave'

// The engines need Node.js; the edge runtime cannot load them.
export const runtime = 'nodejs'

// The first request loads the model, so that Next.js does not do it while it builds. If that fails, the next request
// tries again.
let loading
function loadVocoder() {
  loading ??= Vocoder.load(process.env.DIFFWAVE_MODEL ?? 'speech').catch(error => {
    loading = undefined
    throw error
  })
  return loading
}

/** The body is float32, [bands × frames], row by row. */
export async function POST(request) {
  const vocoder = await loadVocoder()
  const { bands } = vocoder.config.mel
  const body = await request.arrayBuffer()
  const data = new Float32Array(body, 0, Math.floor(body.byteLength / 4))
  try {
    // When the client leaves, request.signal stops the network.
    const audio = vocoder.stream({ data, bands, frames: data.length / bands }, { seed: 1, signal: request.signal })
    return new Response(ReadableStream.from(wavBytes(audio)), { headers: { 'content-type': 'audio/wav' } })
  } catch (error) {
    if (error instanceof DiffWaveError) return Response.json({ error: error.message }, { status: 400 })
    throw error
  }
}
