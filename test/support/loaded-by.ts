/** What a compiled module loads. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The files and packages that a compiled module loads before it runs: its imports at the top, transitively. */
export function loadedBy(path: string): {
  readonly files: ReadonlySet<string>
  readonly packages: ReadonlySet<string>
} {
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string) => {
    if (files.has(file)) return
    files.add(file)
    for (const [, name] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)\s(?:[^;()=]*?\sfrom )?["']([^"']+)["'];?$/gm,
    )) {
      if (name!.startsWith('.')) visit(join(dirname(file), name!))
      else if (!name!.startsWith('node:')) packages.add(name!)
    }
  }
  visit(path)
  return { files, packages }
}
