/** The names by which users call inputs that were copied to temporary files. */
const names = new Map<string, string>()

/** Files that have a name. */
export function namedFiles(): number {
  return names.size
}

/** Calls a temporary file by what it is a copy of. */
export function nameFile(path: string, name: string): void {
  names.set(path, name)
}

/** Text in which temporary files are called by the names that the user gave. */
export function withGivenNames(text: string): string {
  // From the last one on, because the path of the tenth begins with that of the first.
  return [...names].reduceRight((result, [path, name]) => result.replaceAll(path, name), text)
}
