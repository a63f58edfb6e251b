/** Finds the names that several recordings share. */
import { basename, join } from 'node:path'
import { audioStem } from '../../audio/audio-files.js'

/** Names that several recordings share, so that a mel of that name could belong to any of them. */
export interface SharedNames {
  /** Paths without endings that occur in several data folders. */
  readonly stems: ReadonlySet<string>
  /** Last parts of paths, without endings, that several recordings have. */
  readonly bareNames: ReadonlySet<string>
}

/** @param files all recordings of a data set */
export function sharedNames(files: readonly { readonly folder: string; readonly name: string }[]): SharedNames {
  const repeated = (aliasOf: (stem: string) => string) => {
    const owners = new Map<string, string>()
    const shared = new Set<string>()
    for (const { folder, name } of files) {
      const stem = audioStem(name)
      const [alias, owner] = [aliasOf(stem), join(folder, stem)]
      if ((owners.get(alias) ?? owner) !== owner) shared.add(alias)
      owners.set(alias, owner)
    }
    return shared
  }
  return { stems: repeated(stem => stem), bareNames: repeated(stem => basename(stem)) }
}
