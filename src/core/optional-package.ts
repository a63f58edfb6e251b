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
 * @param load imports it; bundlers need the import as it is written, and the package. Where they must do without it,
 * the import has to stand in a `try` block (`missingPackage`)
 * @throws DiffWaveError `MISSING_PACKAGE`
 */
export async function loadPackage<Package>(
  name: string,
  load: () => Promise<Package>,
  use?: PackageUse,
): Promise<Package> {
  try {
    return await load()
  } catch (error) {
    throw missingPackage(name, error, use)
  }
}

/** Turns the error of an import into `MISSING_PACKAGE` if the package is missing. Returns other errors unchanged. */
export function missingPackage(name: string, error: unknown, use: PackageUse = {}): unknown {
  if (!isMissing(error)) return error
  const { needed = [name], what, where } = use
  const purpose = what === undefined ? '' : `${what} cannot be read: `
  return new DiffWaveError('MISSING_PACKAGE', `${purpose}the package ${name} is not installed`, {
    ...defined({ where }),
    expected: `${needed.join(' and ')} beside diffwave`,
    hint: `npm install ${needed.join(' ')}`,
    cause: error,
  })
}

function isMissing(error: unknown): boolean {
  return ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(systemCode(error))
}
