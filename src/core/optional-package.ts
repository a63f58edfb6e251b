/** Packages that an installation may lack. */
import { defined } from './defined.js'
import { DiffWaveError } from './errors.js'
import { systemCode } from './system-code.js'

/** What an optional package is for, for the error. */
export interface PackageUse {
  /** The packages to install together. Default: the package alone. */
  readonly needed?: readonly string[]
  /** What the package reads. Default: the error does not say. */
  readonly what?: string
  /** The file or the address in question. Default: none. */
  readonly where?: string
}

/**
 * Loads an optional package.
 *
 * @param load imports it; bundlers need the import as it is written
 * @throws DiffWaveError `MISSING_PACKAGE`
 */
export async function loadPackage<Package>(
  name: string,
  load: () => Promise<Package>,
  { needed = [name], what, where }: PackageUse = {},
): Promise<Package> {
  try {
    return await load()
  } catch (error) {
    if (!isMissing(error)) throw error
    const purpose = what === undefined ? '' : `${what} cannot be read: `
    throw new DiffWaveError('MISSING_PACKAGE', `${purpose}the package ${name} is not installed`, {
      ...defined({ where }),
      expected: `${needed.join(' and ')} beside diffwave`,
      hint: `npm install ${needed.join(' ')}`,
      cause: error,
    })
  }
}

function isMissing(error: unknown): boolean {
  return ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(systemCode(error))
}
