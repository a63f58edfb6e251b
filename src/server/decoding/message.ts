/** What decoder threads and the service say to each other. */
import type { Problem } from '../problem.js'

/** A result; or why the request is refused; or what failed, for the log. */
export type Answer = { readonly result: unknown } | { readonly problem: Problem } | { readonly fault: string }
