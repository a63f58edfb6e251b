/** Self-contained HTML pages: style, pictures and sound are embedded. */
import { encodeWav } from '../../audio/codecs/wav-encode.js'

/** Text with the characters escaped that HTML would interpret. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, character => entities[character]!)
}

/** A number for a table, with about three significant figures; a dash for null. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

/** A table whose rows begin with their heading. @param rows cells as text, which is escaped here */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const heading = (text: string, scope: string) => `<th scope="${scope}">${escapeHtml(text)}</th>`
  const cells = (texts: readonly string[]) => texts.map(text => `<td>${escapeHtml(text)}</td>`).join('')
  const body = rows.map(([first = '', ...rest]) => `<tr>${heading(first, 'row')}${cells(rest)}</tr>`)
  // A corner without text is no heading.
  const header = head.map(text => (text === '' ? '<td></td>' : heading(text, 'col'))).join('')
  return `<div class="wide"><table><thead><tr>${header}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** A section on the files that were left out, and why; empty if there are none. */
export function leftOutParts(
  leftOut: readonly { readonly file: string; readonly reason: string }[],
): readonly string[] {
  if (leftOut.length === 0) return []
  return [
    '<h2>Left out</h2>',
    table(
      ['file', 'reason'],
      leftOut.map(({ file, reason }) => [file, reason]),
    ),
  ]
}

/** A player with 16-bit audio. */
export function player(samples: Float32Array, sampleRate: number): string {
  const wav = base64(encodeWav({ samples, sampleRate }))
  return `<audio controls preload="none" src="data:audio/wav;base64,${wav}"></audio>`
}

/** @param alt description of the picture */
export function image(png: Uint8Array, alt: string): string {
  return `<img src="data:image/png;base64,${base64(png)}" alt="${escapeHtml(alt)}">`
}

/** What belongs together, under a caption. @param content HTML */
export function captioned(caption: string, content: string): string {
  return `<figure><figcaption>${escapeHtml(caption)}</figcaption>${content}</figure>`
}

/** Figures in a grid. @param name what they are copies of, if they are; the page then plays them in step */
export function sounds(figures: readonly string[], name?: string): string {
  const copies = name === undefined ? '' : ` data-name="${escapeHtml(name)}"`
  return `<div class="sounds"${copies}>${figures.join('\n')}</div>`
}

/** The end of every page, before which `withComponents` puts what makes it live. */
export const PAGE_END = '</body>\n</html>\n'

/** A whole page. @param body HTML */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem }
body { color: #1b1f24; background: #fff }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #d8dee4; text-align: right; vertical-align: bottom }
tbody th, thead th:first-child { text-align: left; font-weight: 600 }
.sounds { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem; margin-bottom: 2rem }
figure { margin: 0 } figcaption { font-weight: 600 }
img { width: 100%; height: 10rem; image-rendering: pixelated; background: #000 } audio { width: 100% }
</style>
<body class="report">
<h1>${escapeHtml(title)}</h1>
${body}
${PAGE_END}`
}
