/** Values of the wrong type, named in errors. */

/** What a value of the wrong type is, in a word or two. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  // The prototype's, as an object of JSON may have a field of this name.
  return Object.getPrototypeOf(value)?.constructor?.name ?? 'an object'
}
