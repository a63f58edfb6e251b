// Finds the root of the repository, runs its TypeScript compiler, and lists the files that the compiler has written.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Root folder of the repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Compiles a TypeScript project. @param project path of its tsconfig.json, relative to the root */
export function compile(project, ...options) {
  const packageFile = createRequire(import.meta.url).resolve('typescript/package.json')
  execFileSync(process.execPath, [join(dirname(packageFile), 'bin', 'tsc'), '-p', join(root, project), ...options], {
    stdio: 'inherit',
    cwd: root,
    // Without the garbage collector of Go, it takes a third less processor time and 10 % more memory.
    env: { ...process.env, GOGC: 'off' },
  })
}

/** Paths of all files below a folder. */
export function entries(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
}

/** Folder of the built page of `diffwave studio`, whose files are not compiled one by one. */
export const page = join(root, 'dist', 'studio')

/** The components that reports of `diffwave evaluate` share with the page. */
export const reportComponents = join(root, 'dist', 'report', 'components.html')

/** The bundle for browsers, which scripts/build-browser.mjs makes of compiled files. */
export const browserBundle = join(root, 'dist', 'browser', 'diffwave.js')

/** The programs of the worker and the worklet as files, for pages that may not run the ones inside the bundle. */
export const browserPrograms = {
  'browser/worker.js': join(root, 'dist', 'browser', 'diffwave-worker.js'),
  'browser/player-worklet.js': join(root, 'dist', 'browser', 'diffwave-player-worklet.js'),
}

/** zod in one file, which scripts/bundle-zod.mjs makes. */
export const bundledZod = join(root, 'dist', 'bundled', 'zod.js')
/** The command line's modules joined, which scripts/bundle-cli.mjs makes. */
export const bundledCli = join(root, 'dist', 'bundled', 'cli')
/** zod's types. */
export const bundledTypes = join(root, 'dist', 'bundled', 'zod')

/** Lists the paths of all files below a folder, except the bundles and the files of the page. */
export function compiledEntries(folder) {
  const bundles = [browserBundle, ...Object.values(browserPrograms), reportComponents]
  const folders = [page + sep, dirname(bundledZod) + sep]
  return entries(folder).filter(file => !bundles.includes(file) && !folders.some(one => file.startsWith(one)))
}

/** Removes compiled files whose source no longer exists, so that renamed files are neither run, imported nor packed. */
export function removeOrphans(compiled, sources) {
  if (!existsSync(compiled)) return
  const expected = new Set(entries(sources).map(file => file.slice(sources.length).replace(/\.ts$/, '')))
  for (const file of compiledEntries(compiled)) {
    if (!expected.has(file.slice(compiled.length).replace(/(\.d\.ts|\.js)$/, ''))) rmSync(file)
  }
}
