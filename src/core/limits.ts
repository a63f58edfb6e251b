/**
 * Bounds with their reasons: those that guard memory, and those that more than one module needs. Sizes that files
 * declare are checked against these and against the bytes present before anything is allocated.
 */

/** Channels of a network: the published large model has 128; past 1024 a layer's weights alone pass 25 MB. */
export const MAX_CHANNELS = 1024
/** Residual layers: the published models have 30 and 36. */
export const MAX_LAYERS = 256
/** Dilation 2^(cycle − 1): 2^15 samples is already 1.5 s at 22,050 Hz for one tap. */
export const MAX_DILATION_CYCLE = 16
/** Mel bands: text-to-speech uses 80 to 128. */
export const MAX_MEL_BANDS = 512
/** Samples per mel frame: 4096 is 85 ms at 48 kHz. */
export const MAX_HOP = 4096
/**
 * Samples folded into one position of the network: 512 at 16 kHz are 32 ms, the longest block of subbands that still
 * tells one attack from the next.
 */
export const MAX_PATCH = 512
/**
 * Length of a window of the front end: 186 ms at 22,050 Hz. Its transform is a matrix, `[2·bins × kernel]`: 67 MB at
 * most.
 */
export const MAX_FRONT_END_KERNEL = 4096
/** Diffusion steps of a training schedule: 1000 is the customary largest. */
export const MAX_DIFFUSION_STEPS = 4000
/**
 * Smallest β of a noise schedule. Far smaller ones are lost in 1 − β, and a step without noise would divide by 0. The
 * schedule of WaveGrad begins at 1e-6.
 */
export const MIN_BETA = 1e-12
/** Class labels of a generator. */
export const MAX_LABELS = 4096
/**
 * Sample rates in Hz that audio may have, whatever its format: telephones have 8,000, the fastest converters 768,000.
 */
export const MIN_SAMPLE_RATE = 1000
export const MAX_SAMPLE_RATE = 768_000
/** Samples of one recording, mixed down: 1 GiB as float32, 101 minutes at 44,100 Hz, 3 h 22 min at 22,050 Hz. */
export const MAX_AUDIO_SAMPLES = 2 ** 28
/** Samples that a compressed file may decode to whatever its size: 128 MiB as float32, 25 minutes at 22,050 Hz. */
export const MIN_DECODED_SAMPLES = 2 ** 25
/**
 * Samples that a compressed file may decode to for each of its bytes beyond that: speech in Opus at 6 kb/s has 64.
 * Digital silence has 250 to 320, and is refused from half an hour on; a file made to exhaust memory has thousands.
 */
export const MAX_SAMPLES_PER_BYTE = 128
/**
 * Streams of a chain in an Ogg file: so many of any size, and one for each of so many bytes. For each a decoder is
 * made, which took 18 ms on a busy machine. A second of speech in Opus at 6 kb/s, with its headers, has 900 bytes.
 */
export const MAX_SHORT_LINKS = 64
export const MIN_LINK_BYTES = 1024
/** Channels of a Vorbis stream: the specification orders up to eight. */
export const MAX_VORBIS_CHANNELS = 8
/**
 * Entries and numbers of all codebooks of a Vorbis file, which a few bytes may declare: the largest setups
 * of libvorbis (5.1 at its highest quality) have 19,413 and 85,928. A chain may have more, for each of its bytes:
 * an entry takes a bit at least, unless run lengths describe it, and has eight numbers in those setups.
 */
export const MAX_VORBIS_ENTRIES = 2 ** 17
export const MAX_VORBIS_VALUES = 2 ** 19
export const VORBIS_ENTRIES_PER_BYTE = 8
export const VORBIS_VALUES_PER_BYTE = 64
/** Length of one transform in samples: 16384 is 0.7 s at 22,050 Hz. */
export const MAX_FFT_SIZE = 16_384
/** A file read whole into memory: 2 GiB, what one Node buffer surely holds. */
export const MAX_FILE_BYTES = 2 ** 31 - 1
/**
 * JSON header of a safetensors file: 100,000 tensors take some 12 MB. The format allows 100 MB, which nothing in use
 * needs.
 */
export const MAX_SAFETENSORS_HEADER_BYTES = 25_000_000
/** Tensors of one file: a network of 256 layers with its optimiser's moments has some 8,000. */
export const MAX_TENSORS = 100_000
/** Axes of a tensor in a checkpoint or in safetensors: weights of convolutions in three dimensions have five. */
export const MAX_TENSOR_AXES = 16
/** Objects, memo entries and nested containers of a pickle: a checkpoint of 300 layers makes some 20,000 objects. */
export const MAX_PICKLE_OBJECTS = 2_000_000
export const MAX_PICKLE_DEPTH = 200
/** Text header of a .npy file: real ones are 128 bytes. */
export const MAX_NPY_HEADER_BYTES = 65_536
/** An array unpacked from a compressed `.npz`: 2 h 20 min of a mel of 80 bands at 22,050 Hz, hop 256. */
export const MAX_ARRAY_BYTES = 2 ** 28
/** Entries of a zip archive: a PyTorch checkpoint has one per tensor. */
export const MAX_ZIP_ENTRIES = 100_000
/** Files of a checkpoint in parts: the largest published models have fewer than 200. */
export const MAX_SHARDS = 1000
/** A config.json: real ones have a few kB, a mean and deviation per band included. */
export const MAX_CONFIG_BYTES = 4_000_000
/** A metadata.csv: LJSpeech's, with the texts of 13,100 recordings, has 2.5 MB. */
export const MAX_METADATA_BYTES = 256_000_000
/** Length of a generated clip in seconds: an hour at 22,050 Hz is 317 MB of samples. */
export const MAX_CLIP_SECONDS = 3600
/**
 * Length of the clips in which a generator is compared, in seconds. An embedding takes memory by the square of it: 0.3
 * GB at 30 s, and 100 GB at ten minutes.
 */
export const MAX_COMPARED_SECONDS = 30
/** Clips of one call. */
export const MAX_CLIPS = 10_000
/** 16-bit samples of a data set held in memory: 27 hours at 22,050 Hz. */
export const MAX_TRAINING_BYTES = 2 ** 32
/**
 * Mels and whitened audio that a trainer keeps of its clips: 15 hours of 80 bands at 22,050 Hz; older ones are computed
 * again.
 */
export const MAX_PREPARED_BYTES = 2 ** 32
/** Files whose pictures and sound an evaluation's report holds: three players of 7 s take 1.3 MB per file. */
export const REPORTED_FILES = 24
/** Weight of classifier-free guidance: images use 1 to 7; far larger ones only overshoot. */
export const MAX_GUIDANCE = 100
/**
 * Length of a gap to fill in seconds: past this nothing on either side says what was there, and all of it is held in
 * memory.
 */
export const MAX_GAP_SECONDS = 10
/** Gaps of one recording. */
export const MAX_GAPS = 10_000
/** Fade at either side of a repaired gap in seconds: 50 times the default. */
export const MAX_FADE_SECONDS = 0.1
/** Passes of inpainting over one noise level: RePaint takes 10. */
export const MAX_ROUNDS = 50
/** Iterations of phase refinement: 60 are as good as converged, and each looks some 35 ms further ahead. */
export const MAX_REFINEMENT_ITERATIONS = 100
/** Passes of a network's correction towards the mel: more are phase refinement. */
export const MAX_CORRECTION_PASSES = 8
/** Signal-to-noise ratios in dB of a recording to denoise: those of 16-bit samples end at 98. */
export const MIN_SNR = -60
export const MAX_SNR = 120
/** Root mean square of the noise in a recording to denoise, in units of full scale: recordings may exceed it. */
export const MAX_NOISE_RMS = 10
/** Mel frames per chunk of a stream: 19 minutes at 22,050 Hz, hop 256. */
export const MAX_CHUNK_FRAMES = 100_000
/** Schedules that tuning may try. */
export const MAX_TUNING_EVALUATIONS = 10_000
/** Threads of the native or the wasm engine: the largest servers have some 200 cores. */
export const MAX_THREADS = 256
/** Max clips of a batch of an exported model's server: beyond, a batch of short clips would take gigabytes. */
export const MAX_SERVING_BATCH = 1024
/** Bytes of the weights in an ONNX file: protobuf messages end at 2 GiB, and the graph takes some of them. */
export const MAX_ONNX_WEIGHTS = 2 ** 31 - 2 ** 26
