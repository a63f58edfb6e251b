/** Pages that need nothing beside themselves: style, pictures and sound lie within. */
import { encodeWav } from '../../audio/codecs/wav-encode.js'

/** Text as HTML shows it. */
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

/** A number as a table shows it: three figures that matter; a dash for null. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

/** A table; the first cell of each row is its heading. @param rows cells as text, escaped here */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, texts: readonly string[]) =>
    texts.map(text => `<${tag}>${escapeHtml(text)}</${tag}>`).join('')
  const body = rows.map(([first = '', ...rest]) => `<tr><th>${escapeHtml(first)}</th>${cells('td', rest)}</tr>`)
  return `<div class="wide"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** The files that were left out and why; nothing where there are none. */
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

/** A player of 16-bit audio. */
export function player(samples: Float32Array, sampleRate: number): string {
  return `<audio controls preload="none" src="data:audio/wav;base64,${base64(encodeWav({ samples, sampleRate }))}"></audio>`
}

/** @param alt what it shows */
export function image(png: Uint8Array, alt: string): string {
  return `<img src="data:image/png;base64,${base64(png)}" alt="${escapeHtml(alt)}">`
}

/** @param body HTML */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #1b1f24; background: #fff }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #d8dee4; text-align: right; vertical-align: bottom }
tbody th, thead th:first-child { text-align: left; font-weight: 600 }
.sounds { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem; margin-bottom: 2rem }
figure { margin: 0 } figcaption { font-weight: 600 }
img { width: 100%; height: 10rem; image-rendering: pixelated; background: #000 } audio { width: 100% }
</style>
<h1>${escapeHtml(title)}</h1>
${body}
</html>
`
}
