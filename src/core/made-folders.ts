/** Folders that a process has made, so that a run that fails can remove those that it left empty. */
import { rmdirSync } from 'node:fs'
import { resolve } from 'node:path'

/** In the order in which they were made; null unless they are watched, as in a process that only uses the library. */
let made: Set<string> | null = null

/** Notes the folders that this process makes from now on. For programs that end with their work. */
export function watchMadeFolders(): void {
  made ??= new Set()
}

/** Notes a folder that was made just now. Those above it are noted first. */
export function noteMadeFolder(path: string): void {
  made?.add(resolve(path))
}

/** Removes the folders that were noted, unless something is in them. */
export function removeEmptyFolders(): void {
  for (const path of [...(made ?? [])].reverse()) {
    try {
      rmdirSync(path)
    } catch {
      // It holds something, or is gone.
    }
  }
  made?.clear()
}
