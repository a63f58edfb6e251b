// Runs the service of `diffwave serve` inside a program, uses it once, and stops it.
// usage: node examples/embed-server.mjs mel.npy speech.wav [model]
import { readFile, writeFile } from 'node:fs/promises'
import { serve } from 'diffwave/server'

const [melPath, wavPath, model = 'speech'] = process.argv.slice(2)
if (wavPath === undefined) {
  console.error('usage: node embed-server.mjs mel.npy speech.wav [model]')
  process.exit(2)
}

const server = await serve({ models: { voice: model }, port: 0, limits: { parallel: 1, seconds: 60 } })
try {
  const response = await fetch(`${server.url}/v1/vocode?seed=1`, { method: 'POST', body: await readFile(melPath) })
  if (!response.ok) throw new Error(await response.text())
  await writeFile(wavPath, new Uint8Array(await response.arrayBuffer()))
  console.log(`${wavPath}: seed ${response.headers.get('diffwave-seed')}, from ${server.url}`)
} finally {
  await server.close()
}
