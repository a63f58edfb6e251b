// Generates music from noise: several clips, each with a seed that makes the same bytes again.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Generator } from 'diffwave'

const [folder, model = 'music'] = process.argv.slice(2)
if (folder === undefined) {
  console.error('usage: node generate.mjs output-folder [model]')
  process.exit(2)
}

await mkdir(folder, { recursive: true })
const generator = await Generator.load(model)
// `clips` hands out each clip as soon as it is made; `generate` returns all of them in one array.
for await (const clip of generator.clips({ count: 2, seconds: 0.5, seed: 1 })) {
  await clip.save(join(folder, `seed-${clip.seed}.wav`))
  console.log(`seed ${clip.seed}, label ${clip.label ?? 'none'}`)
}
await generator.dispose()
