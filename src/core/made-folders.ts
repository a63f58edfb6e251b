/** Folders that this process has made, so that a run that fails can remove those that it left empty. */
import { rmdirSync } from 'node:fs'
import { resolve } from 'node:path'

const made: string[] = []

/** Notes a folder that was made just now. Those above it are noted first. */
export function noteMadeFolder(path: string): void {
  made.push(resolve(path))
}

/** Removes the folders that this process has made, unless something is in them. */
export function removeEmptyFolders(): void {
  for (const path of made.splice(0).reverse()) {
    try {
      rmdirSync(path)
    } catch {
      // It holds something, or is gone.
    }
  }
}
