// Makes samples/generated/: eight clips of each generator in models/ that is there, with a picture of their spectrograms, and a
// README.md that says how to have each again; models that are not named keep their part of it.
// usage: node scripts/generated-samples.mjs [model …]
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { root } from './compile.mjs'

await build({ ifMissing: true })
const { Generator, melSpectrogram, namedConventions, shippedModels, writeWav } = await import('../dist/index.js')
const { drawSpectrograms } = await import('../dist/audio/picture.js')

const CLIPS = 8
const SEED = 1
const folder = join(root, 'samples', 'generated')
const asked = process.argv.slice(2)
const names = (asked.length > 0 ? asked : ['digits', 'music']).filter(name => shippedModels().includes(name))
mkdirSync(folder, { recursive: true })

/** Parts of the README by model, as they were. */
const readme = join(folder, 'README.md')
const sections = new Map(
  (existsSync(readme) ? readFileSync(readme, 'utf8') : '')
    .split(/^## /m)
    .slice(1)
    .map(part => [part.slice(0, part.indexOf(':')), part.trim()]),
)
for (const name of names) {
  for (const old of readdirSync(folder)) if (old.startsWith(`${name}-`)) rmSync(join(folder, old))
  const generator = await Generator.load(name)
  const { labels, sampleRate, config } = generator
  const drawn = config.labelShares !== null
  const wanted = labels.length > 0 && !drawn ? { labels: labels.slice(0, CLIPS) } : {}
  const clips = await generator.generate({ count: CLIPS, seed: SEED, ...wanted })
  const convention = { ...namedConventions.tacotron2, sampleRate, maxFrequency: sampleRate / 2, fftSize: 512, hop: 64 }
  const rows = []
  for (const { samples, seed, label, steps } of clips) {
    const wantedLabel = drawn ? null : label
    const file = `${name}-${wantedLabel === null ? '' : `${wantedLabel}-`}${seed}.wav`
    await writeWav(join(folder, file), { samples, sampleRate })
    const option = wantedLabel === null ? '' : ` --label ${wantedLabel}`
    const command = `diffwave generate -m models/${name}${option} --seed ${seed} -o out.wav`
    rows.push(`| \`${file}\` | \`${command}\` | ${label ?? ''} | ${steps} |`)
  }
  const mels = clips.map(({ samples }) => melSpectrogram({ samples, sampleRate }, convention))
  writeFileSync(join(folder, `${name}-spectrograms.png`), drawSpectrograms(mels, 4))
  sections.set(
    name,
    [
      `${name}: ${config.description}`,
      '',
      `Licence ${config.licence}; ${generator.model.engine.name} engine; model after ${config.provenance.steps} updates.`,
      '',
      `| file | made by | label${drawn ? ' drawn' : ''} | steps |`,
      '| --- | --- | --- | --- |',
      ...rows,
      '',
      `![spectrograms of the eight clips, row by row](${name}-spectrograms.png)`,
    ].join('\n'),
  )
  await generator.dispose()
}
const parts = [...sections].sort().map(([, part]) => `## ${part}`)
writeFileSync(readme, `# Generated clips\n\n${parts.join('\n\n')}\n`)
