/** “Did you mean …?” for names that were mistyped. */

/** A longer word is no mistyped name; comparing it takes time in proportion. */
const MAX_TYPED = 200
/** Fewer letters are the beginning of too many names. */
const MIN_BEGINNING = 2
/** The largest share of a name's letters that may be wrong. */
const MAX_WRONG_SHARE = 0.4

/**
 * The name that is nearest to what was typed, by edits and by swapped neighbours (optimal string alignment distance);
 * null if none is near. What only one name begins with is near that name. Case is ignored.
 */
export function nearestName(typed: string, names: readonly string[]): string | null {
  if (typed.length > MAX_TYPED) return null
  let best: string | null = null
  let fewest = Number.POSITIVE_INFINITY
  for (const name of names) {
    const edits = distance(typed.toLowerCase(), name.toLowerCase())
    if (edits < fewest && edits <= MAX_WRONG_SHARE * Math.max(typed.length, name.length)) {
      best = name
      fewest = edits
    }
  }
  return best ?? onlyNameWith(typed, names)
}

/** The only name with this beginning; null if none does, or several do. */
function onlyNameWith(beginning: string, names: readonly string[]): string | null {
  if (beginning.length < MIN_BEGINNING) return null
  const [name, ...others] = names.filter(name => name.toLowerCase().startsWith(beginning.toLowerCase()))
  return name === undefined || others.length > 0 ? null : name
}

/** Names that an error lists one by one. */
const MAX_LISTED = 12

/** The names that were possible, as the end of “expected …”: a few of them if they are many. */
export function oneOf(names: readonly string[]): string {
  const listed = names.slice(0, MAX_LISTED).join(', ')
  return names.length <= MAX_LISTED ? `one of ${listed}` : `one of ${names.length} names (${listed}, …)`
}

/** A hint that names the nearest one, to be spread into an error's details; empty if none is near. */
export function suggestion(typed: string, names: readonly string[]): { readonly hint?: string } {
  const name = nearestName(typed, names)
  return name === null ? {} : { hint: `Did you mean ${name}?` }
}

function distance(a: string, b: string): number {
  const width = b.length + 1
  const table = new Uint16Array((a.length + 1) * width)
  for (let i = 0; i <= a.length; i++) table[i * width] = i
  for (let j = 0; j <= b.length; j++) table[j] = j
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const at = i * width + j
      const replaced = table[at - width - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min(replaced, table[at - width]! + 1, table[at - 1]! + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, table[at - 2 * width - 2]! + 1)
      }
      table[at] = least
    }
  }
  return table[a.length * width + b.length]!
}
