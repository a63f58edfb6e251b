/** Runs contestants in turn, so that whatever happens to the machine happens to all of them. */

const median = numbers => {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * @param contestants by name, each a function that does the work once and gives its seconds
 * @param warm seconds each took before: says how many rounds fit into `budget` seconds
 * @param first whose seconds the ratios divide by
 * @returns medians in seconds, and of each round's ratio to `first`
 */
export async function interleave(contestants, warm, { budget, most = 9, first = 'native' }) {
  const names = Object.keys(contestants)
  const round = names.reduce((sum, name) => sum + warm[name], 0)
  const rounds = Math.max(1, Math.min(most, Math.floor(budget / round)))
  const seconds = Object.fromEntries(names.map(name => [name, []]))
  for (let i = 0; i < rounds; i++) {
    for (const name of names) seconds[name].push(await contestants[name]())
  }
  return {
    rounds,
    seconds: Object.fromEntries(names.map(name => [name, median(seconds[name])])),
    ratios: Object.fromEntries(
      names
        .filter(name => name !== first)
        .map(name => [name, median(seconds[name].map((taken, i) => taken / seconds[first][i]))]),
    ),
  }
}

/** Seconds that a function took. */
export async function timed(body) {
  const start = performance.now()
  await body()
  return (performance.now() - start) / 1000
}
