// Classes of a piece's stretches, read off its score: how often notes are struck, how many sound at once, and on what
// they are played. A generator that is told its class need not settle in almost pure noise what manner of piece it
// makes.

/** Seconds of a stretch: those of the model's clips. */
const STRETCH = 2.048
/** Seconds from one stretch to the next. */
const HOP = 0.256
/** Notes struck closer together than this are one strike, in seconds. */
const TOGETHER = 0.01

/**
 * By strikes a second, about the quartiles of all stretches; slow ones also by the notes that sound at once, about
 * their median.
 */
const paces = [
  { from: 0, thin: 'still-thin', full: 'still-full' },
  { from: 1.5, thin: 'calm-thin', full: 'calm-full' },
  { from: 2.5, thin: 'lively', full: 'lively' },
  { from: 3.5, thin: 'busy', full: 'busy' },
]
const FULL = 2.75

/** General MIDI programs of compose.mjs. */
const mallets = new Map([
  [8, 'celesta'],
  [11, 'vibraphone'],
  [12, 'marimba'],
])
/** Its channel in compose.mjs: melody and accompaniment are the others. */
const BASS = 2

/** What sounds, and whether there is a bass. */
function ensemble(programs, bass) {
  return [...[...programs].sort((a, b) => a - b).map(program => mallets.get(program)), ...(bass ? ['bass'] : [])].join(
    '-',
  )
}

/** Every class that a stretch can be of: the labels of train.json. */
export function scoreClasses() {
  const characters = [...new Set(paces.flatMap(({ thin, full }) => [thin, full]))]
  const ensembles = [[8, 11], [8, 12], [11], [11, 12], [12]].flatMap(programs =>
    [false, true].map(bass => ensemble(programs, bass)),
  )
  return characters.flatMap(character => ensembles.map(played => `${character}-${played}`))
}

/**
 * @param {{ notes: import('./midi.mjs').Note[], seconds: number }} piece as `compose` gives it
 * @returns {{ from: number, label: string }[]} the class of the stretch around each moment, from the second at which it
 * changes
 */
export function scoreLabels({ notes, seconds }) {
  const programs = new Set(notes.filter(({ channel }) => channel !== BASS).map(({ program }) => program))
  const bass = notes.some(({ channel }) => channel === BASS)
  const played = ensemble(programs, bass)
  const labels = []
  for (let middle = STRETCH / 2; middle <= seconds - STRETCH / 2; middle += HOP) {
    const [start, end] = [middle - STRETCH / 2, middle + STRETCH / 2]
    const struck = notes.filter(({ time }) => time >= start && time < end)
    const strikes = new Set(struck.map(({ time }) => Math.round(time / TOGETHER))).size / STRETCH
    const heard = notes.map(note => Math.max(0, Math.min(end, note.time + note.seconds) - Math.max(start, note.time)))
    const atOnce = heard.reduce((sum, length) => sum + length, 0) / STRETCH
    const label = `${paces.findLast(({ from }) => strikes >= from)[atOnce < FULL ? 'thin' : 'full']}-${played}`
    if (label === labels.at(-1)?.label) continue
    labels.push({ from: labels.length === 0 ? 0 : Number((middle - HOP / 2).toFixed(3)), label })
  }
  return labels
}
