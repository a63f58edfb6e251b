/**
 * The documentation of the API as a page without scripts, from its OpenAPI document. Swagger UI would add 10 MB to an
 * installation for the same text.
 */
import type { JsonSchema } from '../query.js'

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema?: JsonSchema
}

interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>> }
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: object }>>
}

/** An OpenAPI document, as far as the page shows it. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

function html(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** What a field may be, in a few words. */
function fieldText(schema: JsonSchema = {}): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(fieldText).join(' or ')
  if (Array.isArray(schema['enum'])) return schema['enum'].join(', ')
  const [min, max] = [schema['minimum'], schema['maximum']]
  const type = schema.type ?? 'any value'
  if (typeof max === 'number' && max < Number.MAX_SAFE_INTEGER) return `${type}, ${min ?? 0} to ${max}`
  return typeof min === 'number' ? `${type}, from ${min}` : type
}

function row(name: string, schema: JsonSchema | undefined, required: boolean, place: string): string {
  const text = html(schema?.description ?? '')
  const cells = [`<code>${html(name)}</code>${required ? ' *' : ''}`, place, html(fieldText(schema)), text]
  return `<tr>${cells.map(cell => `<td>${cell}</td>`).join('')}</tr>`
}

/** @param route names the table for readers who cannot see where it stands */
function fields(route: string, { parameters = [], requestBody }: Operation): string {
  const rows = parameters.map(({ name, schema, required, description, in: place }) =>
    row(name, description === undefined ? schema : { ...schema, description }, required === true, place),
  )
  for (const [type, { schema }] of Object.entries(requestBody?.content ?? {})) {
    if (type !== 'application/json') rows.push(row('body', { ...schema, type }, true, 'body'))
    else
      for (const [name, field] of Object.entries(schema?.properties ?? {})) rows.push(row(name, field, false, 'body'))
  }
  if (rows.length === 0) return ''
  const head =
    '<tr><th scope="col">Name</th><th scope="col">In</th><th scope="col">Values</th><th scope="col">Meaning</th></tr>'
  const table = `<table><thead>${head}</thead><tbody>${rows.join('')}</tbody></table>`
  // It can be scrolled with the keyboard, too.
  return `<div class="scroll" role="region" aria-label="Fields of ${html(route)}" tabindex="0">${table}</div>`
}

/** Names the place of a route on the page. */
function anchor(method: string, path: string): string {
  return `${method}${path}`.toLowerCase().replaceAll(/[^a-z\d]+/g, '-')
}

function operation(method: string, path: string, own: Operation): string {
  const answers = Object.entries(own.responses ?? {}).map(([status, { description = '', content = {} }]) => {
    const types = html(Object.keys(content).join(', '))
    return `<li><code>${html(status)}</code> ${html(description)} <small>${types}</small></li>`
  })
  const text = `<p><b>${html(own.summary ?? '')}.</b> ${html(own.description ?? '')}</p>`
  const route = `${method.toUpperCase()} ${path}`
  const title = `<h3><code>${html(route)}</code></h3>`
  const list = `<ul>${answers.join('')}</ul>`
  return `<article id="${anchor(method, path)}">${title}${text}${fields(route, own)}${list}</article>`
}

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:62rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;min-width:40rem;font-size:.9rem}
th,td{text-align:left;padding:.25rem .5rem;vertical-align:top;border-bottom:1px solid #8886}
article{margin:2rem 0;overflow-wrap:anywhere}
.scroll{overflow-x:auto;overflow-wrap:normal}code{font-size:.95em}
nav ul{columns:16rem;padding:0;list-style:none}`

export function docsPage({ info, paths = {} }: ApiDocument): string {
  const groups = new Map<string, string[]>()
  const links: string[] = []
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, own] of Object.entries(methods)) {
      const tag = own.tags?.[0] ?? 'Other'
      links.push(`<li><a href="#${anchor(method, path)}">${method.toUpperCase()} ${html(path)}</a></li>`)
      groups.set(tag, [...(groups.get(tag) ?? []), operation(method, path, own)])
    }
  }
  const sections = [...groups].map(([tag, parts]) => `<section><h2>${html(tag)}</h2>${parts.join('')}</section>`)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>${html(info.title)}</title><style>${STYLE}</style></head>
<body><main><h1>${html(info.title)} ${html(info.version)}</h1>
<p>${html(info.description ?? '')} The same as <a href="/docs/openapi.json">OpenAPI</a>. Fields with * are required.</p>
<nav aria-label="Routes"><ul>${links.join('')}</ul></nav>
${sections.join('\n')}</main></body></html>`
}
