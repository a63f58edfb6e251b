/** What is odd about a request's file, among the facts of its result. */
import type { Facts } from './operation.js'

/** The facts with the notes, if there are any. */
export function withNotes(facts: Facts, notes: readonly string[]): Facts {
  return notes.length === 0 ? facts : { ...facts, notes }
}
