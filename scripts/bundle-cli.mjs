// Joins the modules of the command line in dist/bundled/cli/, and makes dist/cli/main.js load them. Unjoined, `diffwave
// synthesize` loads 210 modules, which takes a fifth of the time to its first sound. Joined, it loads four files: the
// parser with the data of all commands, what commands on files share, the vocoder, and zod. If dist/cli/main.js was
// only compiled by `tsc`, it loads the single modules and still works.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'
import { bundledCli, root } from './compile.mjs'
import { licences } from './licences.mjs'

const dist = join(root, 'dist')
const main = join(dist, 'cli', 'main.js')
const joined = join(bundledCli, 'main.js')
const treated = "#!/usr/bin/env node\nimport '../bundled/cli/main.js'\n"

/** Small packages that a synthesis needs. Unjoined, each would be resolved and read separately. */
const packages = ['commander', 'picocolors', 'fflate', 'fft.js', 'detect-libc', 'wavefile']

/**
 * The bundles, in this order. Each contains the modules that it imports, except those of earlier bundles.
 *
 * @type {readonly [name: string, roots: readonly string[]][]}
 */
const groups = [
  ['start', ['cli/main.js']],
  ['files', ['cli/inputs/inputs.js', 'cli/inputs/each-input.js', 'cli/outputs/outputs.js']],
  ['sound', ['cli/actions/synthesize.js']],
]

/** Corrects the paths to files beside a module, since the module's text moves to another folder. */
const ownAddress = {
  name: 'own-address',
  transform(code, id) {
    if (!id.startsWith(dist + sep) || !code.includes('import.meta.url')) return null
    const path = `../../${relative(dist, id).split(sep).join(posix.sep)}`
    return code.replaceAll('import.meta.url', `new URL(${JSON.stringify(path)}, import.meta.url).href`)
  },
}

/** zod is joined already (bundle-zod.mjs). */
const joinedZod = {
  name: 'joined-zod',
  resolveId: id => (id.endsWith('/bundled/zod.js') ? { id: '../zod.js', external: true } : null),
}

/** Other packages stay where npm puts them, and are loaded when they are needed. */
function isExternal(id, _importer, isResolved) {
  return !isResolved && /^[@a-z][^:]/.test(id) && !packages.some(name => id === name || id.startsWith(`${name}/`))
}

/** Joins the modules, unless dist/cli/main.js loads the joined ones already. */
export async function bundleCli() {
  if (existsSync(joined) && readFileSync(main, 'utf8') === treated) return
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    input: { main },
    platform: 'node',
    external: isExternal,
    plugins: [joinedZod, ownAddress],
    // Modules that are imported both statically and dynamically are joined on purpose.
    checks: { ineffectiveDynamicImport: false },
  })
  rmSync(bundledCli, { recursive: true, force: true })
  await bundle.write({
    dir: bundledCli,
    format: 'esm',
    // Names are kept for stack traces.
    minify: { compress: true, mangle: { toplevel: false, keepNames: true }, codegen: true },
    chunkFileNames: '[name].js',
    codeSplitting: {
      groups: groups.map(([name, roots], i) => ({
        name,
        test: id => roots.includes(relative(dist, id).split(sep).join(posix.sep)),
        priority: groups.length - i,
      })),
    },
  })
  await bundle.close()
  writeFileSync(join(bundledCli, 'licences.txt'), licences(packages))
  writeFileSync(main, treated)
}
