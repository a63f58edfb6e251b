/** Leaves out what is undefined: optional fields of our types are absent, never `undefined`. */

/** The fields of an object that have a value. */
export type Defined<Fields> = { readonly [Key in keyof Fields]?: Exclude<Fields[Key], undefined> }

/** A copy of an object without the fields that are undefined. */
export function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>
}
