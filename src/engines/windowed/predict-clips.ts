/**
 * Runs whole clips through an engine's streams. A clip alone, batched or streamed then has the same bytes by
 * construction.
 */
import type { NoiseStream, PredictRequest, StreamRequest } from '../engine.js'

/** A clip's stream of one pass, with all of its mel. */
function openWhole(
  request: PredictRequest,
  clip: number,
  openStream: (request: StreamRequest) => NoiseStream,
): NoiseStream {
  const stream = openStream({ steps: [request.steps[clip]!], label: request.labels?.[clip] ?? null })
  if (request.mel !== undefined) stream.pushMel(request.mel[clip]!, true)
  return stream
}

/** The output for each clip of a request that was checked. @throws as `NoiseStream.predict` */
export async function predictClips(
  request: PredictRequest,
  openStream: (request: StreamRequest) => NoiseStream,
): Promise<Float32Array[]> {
  const results: Float32Array[] = []
  for (let i = 0; i < request.audio.length; i++) {
    const stream = openWhole(request, i, openStream)
    try {
      results.push(await stream.predict(0, request.audio[i]!, true, request.signal))
    } finally {
      stream.dispose()
    }
  }
  return results
}

/** The same, all clips asked for at once: for an engine that runs several streams at a time. */
export async function predictClipsTogether(
  request: PredictRequest,
  openStream: (request: StreamRequest) => NoiseStream,
): Promise<Float32Array[]> {
  const streams: NoiseStream[] = []
  try {
    for (const i of request.audio.keys()) streams.push(openWhole(request, i, openStream))
    return await Promise.all(streams.map((stream, i) => stream.predict(0, request.audio[i]!, true, request.signal)))
  } finally {
    for (const stream of streams) stream.dispose()
  }
}
