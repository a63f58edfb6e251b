/** Packages that an installation may lack. */
import { DiffWaveError } from './errors.js'
import { systemCode } from './system-code.js'

/**
 * Loads an optional package.
 *
 * @param load imports it; bundlers need the import as it is written
 * @param needed the packages that belong together, if there are several
 * @param use what the package reads, and the file in question, for the error
 * @throws DiffWaveError `MISSING_PACKAGE`
 */
export async function loadPackage<Package>(
  name: string,
  load: () => Promise<Package>,
  needed: readonly string[] = [name],
  use: { readonly what?: string; readonly where?: string } = {},
): Promise<Package> {
  try {
    return await load()
  } catch (error) {
    if (!isMissing(error)) throw error
    const { what, where } = use
    const purpose = what === undefined ? '' : `${what} cannot be read: `
    throw new DiffWaveError('MISSING_PACKAGE', `${purpose}the package ${name} is not installed`, {
      ...(where === undefined ? {} : { where }),
      expected: `${needed.join(' and ')} beside diffwave`,
      hint: `npm install ${needed.join(' ')}`,
      cause: error,
    })
  }
}

function isMissing(error: unknown): boolean {
  return ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(systemCode(error))
}
