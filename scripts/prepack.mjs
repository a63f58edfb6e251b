// `npm pack` runs this: it builds the native engine for every platform, checks which symbols and libraries the Linux
// binaries need, and runs the C++ tests where this machine can: arm64 under qemu, Windows under wine. See
// docs/releasing.md. Without zig, set DIFFWAVE_PREBUILDS=glibc to build only the binaries of glibc.
import { execFileSync, spawnSync } from 'node:child_process'
import { build } from './build.mjs'
import { testNative } from './build-native.mjs'
import { findZig, zigCompiler, zigTargets } from './zig.mjs'

/** The oldest glibc that the binaries support: that of Debian 10, RHEL 8 and the builds of Node.js. */
const GLIBC = [2, 28]

const glibcTargets = [
  { target: 'linux-x64', compiler: 'g++', objdump: 'objdump', run: '' },
  {
    target: 'linux-arm64',
    compiler: 'aarch64-linux-gnu-g++',
    objdump: 'aarch64-linux-gnu-objdump',
    run: 'qemu-aarch64 -L /usr/aarch64-linux-gnu',
  },
]

/** How to run the test program of a target here. Test programs of other targets are only built. */
const emulators = { 'linux-x64-musl': '', 'linux-arm64-musl': 'qemu-aarch64', 'win32-x64': 'wine' }

function fail(message) {
  console.error(`npm pack: ${message}`)
  process.exit(1)
}

const runs = command => command === '' || spawnSync(command, ['--version']).error === undefined

/** Fails if a binary needs a symbol newer than GLIBC, or a library other than the C library's. */
function checkSymbols(objdump, path) {
  const symbols = execFileSync(objdump, ['-T', path], { encoding: 'utf8' })
  const tooNew = [...symbols.matchAll(/GLIBC_(\d+)\.(\d+)\S*\s+(\S+)/g)].filter(
    ([, major, minor]) => Number(major) > GLIBC[0] || (Number(major) === GLIBC[0] && Number(minor) > GLIBC[1]),
  )
  if (tooNew.length > 0) fail(`${path} needs ${tooNew.map(([, a, b, name]) => `${name} (glibc ${a}.${b})`).join(', ')}`)
  const libraries = execFileSync(objdump, ['-p', path], { encoding: 'utf8' }).matchAll(/NEEDED\s+(\S+)/g)
  const others = [...libraries].map(([, name]) => name).filter(name => !/^(lib(c|m|pthread)|ld-linux.*)\.so/.test(name))
  if (others.length > 0) fail(`${path} needs ${others.join(', ')}`)
}

if (process.platform !== 'linux' || process.arch !== 'x64') fail('the binaries can only be built on linux-x64')
const needed = glibcTargets.flatMap(({ compiler, objdump, run }) => [compiler, objdump, run.split(' ')[0]])
const missing = needed.filter(name => !runs(name))
if (missing.length > 0) {
  fail(`not installed: ${missing.join(', ')} (Debian: g++ binutils g++-aarch64-linux-gnu qemu-user)`)
}
const zig = findZig()
if (zig === null && process.env.DIFFWAVE_PREBUILDS !== 'glibc') {
  fail('zig is not installed (pip install ziglang==0.15.2). DIFFWAVE_PREBUILDS=glibc packs Linux with glibc alone.')
}

await build()
const { buildAddon } = await import('../dist/engines/native/build.js')
for (const { target, compiler, objdump, run } of glibcTargets) {
  checkSymbols(objdump, await buildAddon({ target, compiler }))
  await testNative({ target, compiler, run })
  console.error(`${target}: built and tested, needs glibc ${GLIBC.join('.')} or newer`)
}
for (const target of zig === null ? [] : Object.keys(zigTargets)) {
  const compiler = zigCompiler(zig, target)
  await buildAddon({ target, compiler })
  const run = emulators[target]
  const tested = run !== undefined && runs(run)
  if (tested) await testNative({ target, compiler, run })
  console.error(`${target}: built${tested ? ' and tested' : ', not run here'}`)
}
