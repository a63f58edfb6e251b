/**
 * Changes the sample rate by the band-limited sinc interpolation of libsamplerate (Erik de Castro Lopo), compiled to
 * WebAssembly.
 */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../core/errors.js'

type Library = typeof import('@alexanderolsen/libsamplerate-js')

/** The library, loaded when it is first needed. Node sees its CommonJS build (a default export), bundlers its names. */
async function loadLibrary(): Promise<Library> {
  const loaded: Library | { readonly default: Library } = await import('@alexanderolsen/libsamplerate-js')
  return 'create' in loaded ? loaded : loaded.default
}

/** The largest rate that the library takes; it uses the rates' ratio alone. */
const MAX_LIBRARY_RATE = 192_000
/**
 * Rates of the same ratio that the library takes, both whole numbers; to within three in a million if there are none.
 */
function libraryRates(from: number, to: number): readonly [number, number] {
  if (Math.max(from, to) <= MAX_LIBRARY_RATE) return [from, to]
  let [divisor, rest] = [from, to]
  while (rest > 0) [divisor, rest] = [rest, divisor % rest]
  const scale = Math.max(divisor, Math.max(from, to) / MAX_LIBRARY_RATE)
  return [Math.round(from / scale), Math.round(to / scale)]
}

/** Samples converted at a time: some 10 ms of work between two turns of the event loop. */
const CHUNK = 8192
/** Results at a time, at most: the library has room for a million, and cuts larger chunks in a way that fails. */
const MAX_RESULTS = 2 ** 17
/** More than half the filter's length, in samples of the lower rate. */
const TAIL = 1024

type Converter = Awaited<ReturnType<Library['create']>>

/** Kept for the next call: an instance takes 20 ms to make, and its code is slow until it is compiled again. */
let idle: Converter | null = null

/** A converter without history, for these rates. */
async function converterFor(input: number, output: number): Promise<Converter> {
  const { ConverterType, create } = await loadLibrary()
  const converter = idle
  if (converter === null) {
    return create(1, input, output, { converterType: ConverterType.SRC_SINC_MEDIUM_QUALITY })
  }
  idle = null
  // Either of these starts the filter anew.
  converter.inputSampleRate = input
  converter.outputSampleRate = output
  // The setters leave this one as it was. `full` tells from it whether the results fit its room.
  converter.ratio = output / input
  return converter
}

function giveBack(converter: Converter): void {
  if (idle === null) idle = converter
  else converter.destroy()
}

/**
 * Converts samples to another rate, without delay. Returns `round(length × to / from)` samples.
 *
 * @param from rate of the samples, Hz
 * @param to rate wanted, Hz
 * @throws DiffWaveError `ABORTED`
 */
export async function convertRate(
  samples: Float32Array,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const converter = await converterFor(...libraryRates(from, to))
  try {
    const result = new Float32Array(Math.round((samples.length * to) / from))
    // The filter holds back its tail until more samples come: silence after the clip brings it out.
    const tail = Math.ceil(TAIL * Math.max(1, from / to))
    const step = Math.min(CHUNK, Math.floor((MAX_RESULTS * from) / to))
    for (let at = 0, filled = 0; at < samples.length + tail && filled < result.length; at += step) {
      const chunk = new Float32Array(Math.min(step, samples.length + tail - at))
      chunk.set(samples.subarray(at, at + chunk.length))
      const converted = converter.full(chunk)
      result.set(converted.subarray(0, result.length - filled), filled)
      filled += converted.length
      await setImmediate()
      throwIfAborted(signal)
    }
    return result
  } finally {
    giveBack(converter)
  }
}
