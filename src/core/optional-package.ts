/** Packages that an installation may lack. */
import { DiffWaveError } from './errors.js'

/**
 * Loads an optional package.
 *
 * @param load imports it; bundlers need the import as it is written
 * @param needed the packages that belong together, if there are several
 * @throws DiffWaveError `MISSING_PACKAGE`
 */
export async function loadPackage<Package>(
  name: string,
  load: () => Promise<Package>,
  needed: readonly string[] = [name],
): Promise<Package> {
  try {
    return await load()
  } catch (error) {
    if (!isMissing(error)) throw error
    throw new DiffWaveError('MISSING_PACKAGE', `the package ${name} is not installed`, {
      expected: `${needed.join(' and ')} beside diffwave`,
      hint: `npm install ${needed.join(' ')}`,
      cause: error,
    })
  }
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}
