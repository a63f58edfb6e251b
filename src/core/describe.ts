/** Values of the wrong type, named in errors. */

/** What a value of the wrong type is, in a word or two. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  // The constructor of the prototype, because an object read from JSON may have a field called `constructor`.
  return Object.getPrototypeOf(value)?.constructor?.name ?? 'an object'
}
