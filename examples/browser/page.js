// Vocodes a dropped recording or mel, or generates music, and plays it while it is made. Serve the repository's root
// with any static server after `npm run build`, and open /examples/browser/.
import { DiffWaveError, encodeWav, Generator, playStream, readMel, readWav, Vocoder } from 'diffwave/browser'

const element = id => document.getElementById(id)
const say = text => {
  element('status').textContent = text
}

/** Models by URL, loaded when they are first used. */
const models = new Map()
function load(Kind, url) {
  const onProgress = ({ done, total }) => {
    element('progress').value = total === null ? 0 : done / total
  }
  if (!models.has(url)) {
    const loading = Kind.load(url, { onProgress })
    models.set(url, loading)
    loading.catch(() => models.delete(url))
  }
  return models.get(url)
}

let stop = new AbortController()

/** Plays a stream and keeps its audio for the player below. */
async function play(stream, signal) {
  const pieces = []
  async function* kept() {
    for await (const piece of stream) {
      pieces.push(piece)
      yield piece
    }
  }
  const audio = Object.assign(kept(), { sampleRate: stream.sampleRate, length: stream.length })
  const { seconds, missing, delay } = await playStream(audio, { signal, onStart: () => say('Playing …') })
  const samples = new Float32Array(await new Blob(pieces).arrayBuffer())
  const wav = encodeWav({ samples, sampleRate: stream.sampleRate })
  const result = element('result')
  URL.revokeObjectURL(result.src)
  result.src = URL.createObjectURL(new Blob([wav], { type: 'audio/wav' }))
  const gaps = missing > 0 ? `, with ${missing.toFixed(1)} s of gaps: this machine is slower than the sound` : ''
  say(`${seconds.toFixed(1)} s, first heard after ${delay.toFixed(1)} s${gaps}.`)
}

/** Runs a task, enables and disables the buttons for it, and shows its error. */
async function run(task) {
  stop.abort()
  const own = new AbortController()
  stop = own
  element('stop').disabled = false
  say('Loading the model …')
  try {
    const stream = await task(own.signal)
    // Still the latest run: a stopped one must not write over its successor's message.
    if (stop === own) say('Making the first piece …')
    await play(stream, own.signal)
  } catch (error) {
    if (!(error instanceof DiffWaveError)) throw error
    // A run that was stopped by the next one shows no message.
    if (stop === own)
      say(error.code === 'ABORTED' ? 'Stopped.' : [error.message, error.hint].filter(Boolean).join('. '))
  } finally {
    if (stop === own) element('stop').disabled = true
  }
}

function vocode(file) {
  return run(async signal => {
    const vocoder = await load(Vocoder, '../../models/speech')
    const isWav = file.name.toLowerCase().endsWith('.wav')
    const { mel } = isWav ? await vocoder.analyse(await readWav(file)) : await readMel(file, vocoder.config.mel.bands)
    return vocoder.stream(mel, { signal })
  })
}

element('file').addEventListener('change', ({ target }) => {
  if (target.files.length > 0) vocode(target.files[0])
})
element('drop').addEventListener('dragover', event => event.preventDefault())
element('drop').addEventListener('drop', event => {
  event.preventDefault()
  if (event.dataTransfer.files.length > 0) vocode(event.dataTransfer.files[0])
})
element('generate').addEventListener('click', () =>
  run(async signal => {
    const generator = await load(Generator, '../../models/music')
    return generator.stream({ seconds: Number(element('seconds').value), signal })
  }),
)
element('stop').addEventListener('click', () => stop.abort())
