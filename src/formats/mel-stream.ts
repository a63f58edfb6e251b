/**
 * Reads a mel from its file piece by piece, so that an hour of `.npy` takes only the memory of some seconds. Other
 * formats are read whole.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { checkMel } from '../audio/mel/check-mel.js'
import type { Mel } from '../audio/mel/convention.js'
import { DiffWaveError } from '../core/errors.js'
import { fileError } from '../core/file-error.js'
import { type PathLike, toPath } from '../core/path.js'
import { kindOfPath } from '../core/path-kind.js'
import { readFileBytes } from '../core/read-file.js'
import { elementCount } from '../core/tensor.js'
import {
  checkReadAllOptions,
  checkReadOptions,
  type MelFile,
  melAxes,
  melCount,
  noSuchMel,
  type ReadMelOptions,
  type ReadMelsOptions,
  transpose,
} from './mel-tensor.js'
import { decodeNpyHeader, isNpy, NPY_HEADER_REACH, type NpyHeader } from './npy.js'
import { bytesPerNumber, readNumbers } from './numbers.js'
import { readMel, readMels } from './read-mel.js'
import { decodeTensorFile, refuseKey } from './tensor-file.js'

/** Frames of a piece: 0.6 MB at 80 bands. */
const PIECE_FRAMES = 2048

/** A mel in a file. It can be iterated any number of times, and each time starts at the first frame. */
export interface StoredMel extends AsyncIterable<Mel> {
  /** Number of mel bands. */
  readonly bands: number
  /** Number of frames of the whole mel. */
  readonly frames: number
  /** Whether the file stores the mel as `[frames × bands]`. */
  readonly transposed: boolean
}

/**
 * Opens a mel file, `[bands, frames]` or `[1, bands, frames]`, to read it piece by piece, for example with
 * `Vocoder.stream`. The file must not change while it is read.
 *
 * @param path of the file, as text or a `file:` URL
 * @param options the number of bands expected, or the options of `readMel`
 * @throws DiffWaveError as `readMel`. Numbers that are not finite are found only when they are read
 * @example
 * await writeWavStream('speech.wav', vocoder.stream(await openMel('mel.npy', 80)))
 */
export async function openMel(path: PathLike, options?: number | ReadMelOptions): Promise<StoredMel> {
  const file = toPath(path, 'openMel path')
  const checked = checkReadOptions(options, 'openMel options')
  const { index, bands, key } = checked
  const header = await npyHeader(file, key)
  const wanted = header === null || index === undefined ? header : itemOf(header, index, file)
  return wanted === null ? inMemory(await readMel(file, checked)) : inPieces(file, wanted, bands)
}

/**
 * Opens all mels of a file: a batch `[mels, bands, frames]`, or a single mel. A batch in `.npy` is read mel by mel.
 *
 * @param path of the file, as text or a `file:` URL
 * @param options the number of bands expected, or the options of `readMels`
 * @throws DiffWaveError as `readMels`. Numbers that are not finite may be found only when they are read
 * @example
 * for (const [i, mel] of (await openMels('batch.npy', 80)).entries()) {
 *   await writeWavStream(`${i}.wav`, vocoder.stream(mel))
 * }
 */
export async function openMels(path: PathLike, options?: number | ReadMelsOptions): Promise<readonly StoredMel[]> {
  const file = toPath(path, 'openMels path')
  const checked = checkReadAllOptions(options, 'openMels options')
  const header = await npyHeader(file, checked.key)
  const count = header === null ? 0 : melCount(header.shape, file)
  if (header === null || (count > 1 && header.columnMajor)) return (await readMels(file, checked)).map(inMemory)
  return Array.from({ length: count }, (_, index) =>
    inPieces(file, count === 1 ? header : itemOf(header, index, file)!, checked.bands),
  )
}

/**
 * The number of mels in a file. Of a `.npy` file only the header is read.
 *
 * @param key as in `readMels`
 * @throws DiffWaveError as `readMels`
 */
export async function countMels(path: string, key: string | undefined): Promise<number> {
  const header = await npyHeader(path, key)
  return melCount((header ?? decodeTensorFile(await readFileBytes(path), key, path)).shape, path)
}

/** Reads the whole mel. */
export async function wholeMel(mel: StoredMel): Promise<Mel> {
  const { bands, frames } = mel
  const data = new Float32Array(bands * frames)
  let start = 0
  for await (const piece of mel) {
    for (let band = 0; band < bands; band++) {
      data.set(piece.data.subarray(band * piece.frames, (band + 1) * piece.frames), band * frames + start)
    }
    start += piece.frames
  }
  return { data, bands, frames }
}

/** A mel that is already in memory. */
function inMemory({ mel, transposed }: MelFile): StoredMel {
  return { bands: mel.bands, frames: mel.frames, transposed, [Symbol.asyncIterator]: () => once(mel) }
}

/** A mel of a `.npy` file. @throws DiffWaveError `BAD_MEL` */
function inPieces(file: string, header: NpyHeader, bands: number | undefined): StoredMel {
  const axes = melAxes(header.shape, bands, file)
  return { ...axes, [Symbol.asyncIterator]: () => pieces(file, header, axes) }
}

/** The header of one mel of a batch, as if the file held only that mel; null if its numbers are not contiguous. */
function itemOf(header: NpyHeader, index: number, file: string): NpyHeader | null {
  const [count, ...shape] = header.shape
  if (header.shape.length !== 3 || index >= count!) throw noSuchMel(header.shape, index, file)
  if (header.columnMajor) return null
  return { ...header, shape, dataStart: header.dataStart + index * elementCount(shape) * bytesPerNumber[header.type] }
}

async function* once(mel: Mel): AsyncGenerator<Mel, void, undefined> {
  yield mel
}

/** The header of a `.npy` file; null for a file of another kind. @throws DiffWaveError `BAD_MEL` if a key is named */
async function npyHeader(path: string, key: string | undefined): Promise<NpyHeader | null> {
  if ((await kindOfPath(path)) !== 'file') return null
  return withFile(path, async handle => {
    const { size } = await handle.stat()
    const first = new Uint8Array(Math.min(size, NPY_HEADER_REACH))
    await readInto(handle, first, 0, path)
    if (!isNpy(first)) return null
    refuseKey(key, path)
    return decodeNpyHeader(first, size, path)
  })
}

async function* pieces(
  path: string,
  header: NpyHeader,
  { bands, frames, transposed }: { readonly bands: number; readonly frames: number; readonly transposed: boolean },
): AsyncGenerator<Mel, void, undefined> {
  const size = bytesPerNumber[header.type]
  // Whether the bands of a frame are contiguous, or the frames of a band.
  const frameMajor = transposed !== header.columnMajor
  const handle = await opened(path)
  try {
    // Reused for every piece, because the peak of memory depends on what is left to the garbage collector.
    const buffer = new Uint8Array(Math.min(PIECE_FRAMES, frames) * (frameMajor ? bands : 1) * size)
    const read = async (index: number, count: number): Promise<Float32Array> => {
      const bytes = buffer.subarray(0, count * size)
      await readInto(handle, bytes, header.dataStart + index * size, path)
      return readNumbers(bytes, { type: header.type, count, littleEndian: header.littleEndian }, path)
    }
    for (let start = 0; start < frames; start += PIECE_FRAMES) {
      const count = Math.min(PIECE_FRAMES, frames - start)
      if (frameMajor) {
        const data = transpose(await read(start * bands, count * bands), count, bands)
        yield checkedPiece({ data, bands, frames: count }, path, start)
        continue
      }
      const data = new Float32Array(bands * count)
      for (let band = 0; band < bands; band++) data.set(await read(band * frames + start, count), band * count)
      yield checkedPiece({ data, bands, frames: count }, path, start)
    }
  } finally {
    await handle.close()
  }
}

/** @throws DiffWaveError `NOT_FINITE`, naming the frame of the whole mel */
function checkedPiece(piece: Mel, path: string, start: number): Mel {
  checkMel(piece, path, start)
  return piece
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    throw fileError(error, path, 'read')
  }
}

async function withFile<T>(path: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await opened(path)
  try {
    return await work(handle)
  } finally {
    await handle.close()
  }
}

/** Fills `bytes` from a position in the file. @throws DiffWaveError `TRUNCATED`, `NOT_READABLE` */
async function readInto(handle: FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done).catch(error => {
      throw fileError(error, path, 'read')
    })
    if (bytesRead === 0)
      throw new DiffWaveError('TRUNCATED', 'the file became shorter while it was read', { where: path })
    done += bytesRead
  }
}
