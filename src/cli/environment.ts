/** Environment variables that state defaults of options. */

/** The value of `DIFFWAVE_…`; undefined if it is not set or empty. */
export function environment(name: 'MODEL' | 'REDIS' | 'THREADS' | 'TOKEN'): string | undefined {
  return process.env[`DIFFWAVE_${name}`] || undefined
}
