/**
 * ε of whole clips by an engine's streams: a clip alone, batched or streamed then has the same bytes by construction.
 */
import type { NoiseStream, PredictRequest, StreamRequest } from '../engine.js'

/** ε of each clip of a request that was checked. @throws as `NoiseStream.predict` */
export async function predictClips(
  request: PredictRequest,
  openStream: (request: StreamRequest) => NoiseStream,
): Promise<Float32Array[]> {
  const results: Float32Array[] = []
  for (let i = 0; i < request.audio.length; i++) {
    const stream = openStream({ steps: [request.steps[i]!], label: request.labels?.[i] ?? null })
    if (request.mel !== undefined) stream.pushMel(request.mel[i]!, true)
    results.push(await stream.predict(0, request.audio[i]!, true, request.signal))
    stream.dispose()
  }
  return results
}
