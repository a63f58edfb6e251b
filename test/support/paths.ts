/** Paths of test data, from the compiled tests in build/test. */
import { fileURLToPath } from 'node:url'

/** A path inside the repository. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url))
}

/** The URL of a compiled module, for programs that tests run in other processes and threads. */
export function distUrl(path: string): string {
  return new URL(`../../../dist/${path}`, import.meta.url).href
}

/** A file of test/golden. */
export function golden(path: string): string {
  return inRepository(`test/golden/${path}`)
}
