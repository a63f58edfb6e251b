/** The models of a page without a server: `diffwave studio --export` writes their list into the page. */
import type { OfferedModel } from './protocol.js'

/** Id of the element that holds the list as JSON: `[{ "name": …, "url": … }]`, URLs relative to the page. */
const LIST = 'studio-models'

/** `null` if the page belongs to a service. */
export function offeredModels(): readonly OfferedModel[] | null {
  const text = document.getElementById(LIST)?.textContent
  if (text === undefined || text === null) return null
  const models = JSON.parse(text) as readonly OfferedModel[]
  return models.map(({ name, url }) => ({ name, url: new URL(url, document.baseURI).href }))
}
