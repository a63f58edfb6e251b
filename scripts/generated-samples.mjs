// Generates samples/generated/: eight clips per generator, a picture of their spectrograms, and a README.md with the
// command that reproduces each clip. Sections of models that are not named stay as they are.
// usage: node scripts/generated-samples.mjs [MODEL …]    default: digits music
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
const named = process.argv.slice(2)
const names = (named.length > 0 ? named : ['digits', 'music']).filter(name => shippedModels().includes(name))
mkdirSync(folder, { recursive: true })

/** Existing sections of the README, by model. */
const readme = join(folder, 'README.md')
const sections = new Map(
  (existsSync(readme) ? readFileSync(readme, 'utf8') : '')
    .split(/^## /m)
    .slice(1)
    .map(part => [part.slice(0, part.indexOf(':')), part.trim()]),
)
for (const name of names) {
  for (const file of readdirSync(folder)) if (file.startsWith(`${name}-`)) rmSync(join(folder, file))
  const generator = await Generator.load(name)
  const { labels, sampleRate, config, model } = generator
  const drawn = config.labelShares !== null
  const wanted = labels.length > 0 && !drawn ? { labels: labels.slice(0, CLIPS) } : {}
  const clips = await generator.generate({ count: CLIPS, seed: SEED, ...wanted })
  const analysis = { fftSize: 512, windowLength: 512, hop: 64 }
  const convention = { ...namedConventions.tacotron2, sampleRate, maxFrequency: sampleRate / 2, ...analysis }
  const rows = []
  for (const { samples, seed, label, steps } of clips) {
    const wantedLabel = drawn ? null : label
    const file = `${name}-${wantedLabel === null ? '' : `${wantedLabel}-`}${seed}.wav`
    await writeWav(join(folder, file), { samples, sampleRate })
    const option = wantedLabel === null ? '' : ` --label ${wantedLabel}`
    const command = `diffwave generate -m models/${name}${option} --seed ${seed} -o out.wav`
    rows.push(`| \`${file}\` | \`${command}\` | ${label ?? ''} | ${steps} |`)
  }
  const pictured = clips.map(({ samples, seed, label }) => {
    const mel = melSpectrogram({ samples, sampleRate }, convention)
    return { mel, title: drawn || label === null ? `${name} ${seed}` : `${label} ${seed}` }
  })
  writeFileSync(join(folder, `${name}-spectrograms.png`), drawSpectrograms(pictured, { convention, columns: 4 }))
  sections.set(
    name,
    [
      `${name}: ${config.description}`,
      '',
      `Licence: ${config.license}. Engine: ${model.engine.name}. Trained for ${config.provenance.steps} updates.`,
      '',
      `| file | command | ${drawn ? 'drawn ' : ''}label | steps |`,
      '| --- | --- | --- | --- |',
      ...rows,
      '',
      `![Spectrograms of the eight clips, row by row](${name}-spectrograms.png)`,
    ].join('\n'),
  )
  await generator.dispose()
}
const parts = [...sections].sort().map(([, part]) => `## ${part}`)
writeFileSync(readme, `# Generated clips\n\n${parts.join('\n\n')}\n`)
