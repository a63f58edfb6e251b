/** Tests that check every row of a table. */

/** Runs the check of one case, and begins the message of its failure with the name of the case. */
export function inCase<Result>(name: string, check: () => Result): Result {
  const named = (error: unknown): never => {
    if (error instanceof Error) error.message = `${name}: ${error.message}`
    throw error
  }
  try {
    const result = check()
    return result instanceof Promise ? (result.catch(named) as Result) : result
  } catch (error) {
    return named(error)
  }
}
