/** The codes of Node.js's own errors. */

/** The code of an error, as `ENOENT`; empty if it has none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
