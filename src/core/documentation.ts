/** Addresses of the documentation, which is in the repository and not in the package. */

const REPOSITORY = 'https://github.com/diffwave-js/diffwave'

/** Pages that help texts and hints refer to. */
export const documentedPages = [
  'evaluation',
  'library',
  'mel-spectrograms',
  'models',
  'repair',
  'serving',
  'studio',
  'training',
] as const

export type DocumentedPage = (typeof documentedPages)[number]

/** The address of a page; of the README for null. */
export function documentation(page: DocumentedPage | null): string {
  return page === null ? `${REPOSITORY}#readme` : `${REPOSITORY}/blob/main/docs/${page}.md`
}
