// Checks the types of studio/ and builds it with Vite: the page of `diffwave studio` in dist/studio/, and the
// components that reports share with it. build.mjs runs it after dist/ is compiled, since the page imports the library
// from there.
// usage: node scripts/build-studio.mjs
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { usersOfZod, withZodInParts, workerProgram } from './build-browser.mjs'
import { ENGLISH_ONLY, zodLanguages } from './bundle-zod.mjs'
import { compile, entries, page, reportComponents, root } from './compile.mjs'
import { licences } from './licences.mjs'

const source = join(root, 'studio')
/** The folder of the page's single modules, for tests without a browser. */
const modules = join(root, 'build', 'studio')

/** Packages whose code is part of the page. Their licences must be shipped with it. */
const bundled = ['preact', '@preact/signals', '@preact/signals-core', 'fft.js', 'fflate', 'zod', 'wavefile']

/** Whether the page is newer than all its sources. */
function isCurrent() {
  const index = join(page, 'index.html')
  if (![index, modules, reportComponents].every(existsSync)) return false
  const built = statSync(index).mtimeMs
  // The engine in the page is the library itself.
  const made = [source, join(root, 'src'), join(root, 'prebuilds', 'wasm')].flatMap(folder => entries(folder))
  return [...made, fileURLToPath(import.meta.url)].every(file => statSync(file).mtimeMs < built)
}

/** Adapts the library's modules to a page, as build-browser.mjs does. */
const library = () => ({
  name: 'library',
  transform(code, id) {
    if (zodLanguages.test(id)) return { code: ENGLISH_ONLY, map: null }
    return usersOfZod.test(id) ? { code: withZodInParts(code), map: null } : null
  },
})

/** Options of every build. */
const common = {
  root: source,
  configFile: false,
  logLevel: 'error',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
}

async function buildPage(build) {
  // The server has the binaries at `/wasm/` (src/server/studio-page.ts). The worker that loads them is in `assets/`.
  const texts = { DIFFWAVE_WORKER: await workerProgram(), DIFFWAVE_BINARIES: '../wasm/' }
  await build({
    ...common,
    base: './',
    plugins: [library()],
    define: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, JSON.stringify(text)])),
    worker: { format: 'es', plugins: () => [library()] },
    build: {
      outDir: page,
      emptyOutDir: true,
      target: 'es2022',
      modulePreload: false,
      // All assets are files, since the page has the content security policy of the service.
      assetsInlineLimit: 0,
    },
  })
  writeFileSync(join(page, 'licences.txt'), licences(bundled))
}

/** Builds the components of reports as one piece of HTML, since a report is a single file. */
async function buildReportComponents(build) {
  const { output } = (
    await build({
      ...common,
      define: { 'process.env.NODE_ENV': '"production"' },
      build: {
        write: false,
        target: 'es2022',
        lib: { entry: join(source, 'src', 'report', 'report.tsx'), formats: ['iife'], name: 'report' },
      },
    })
  )[0]
  const code = output.find(({ type }) => type === 'chunk').code
  const { transform } = await import('esbuild')
  const css = readFileSync(join(source, 'src', 'style.css'), 'utf8')
  const { code: style } = await transform(css, { loader: 'css', minify: true })
  mkdirSync(dirname(reportComponents), { recursive: true })
  const program = code.trim().replaceAll('</script', '<\\/script')
  writeFileSync(reportComponents, `<style>${style}</style>\n<script>${program}</script>\n`)
}

/** @param ifMissing skip if the page is newer than its sources */
export async function buildStudio({ ifMissing = false } = {}) {
  if (ifMissing && isCurrent()) return
  rmSync(modules, { recursive: true, force: true })
  compile('studio/tsconfig.json')
  const { build } = await import('vite')
  await buildReportComponents(build)
  await buildPage(build)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildStudio()
