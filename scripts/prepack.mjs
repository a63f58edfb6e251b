// Run by `npm pack`: builds the native engine for linux-x64 and linux-arm64, checks which symbols and libraries the
// binaries need, and runs the C++ tests of both, those of arm64 under qemu. See docs/releasing.md.
import { execFileSync, spawnSync } from 'node:child_process'
import { build } from './build.mjs'
import { testNative } from './build-native.mjs'

/** The oldest glibc that the binaries support: that of Debian 10, RHEL 8 and the builds of Node.js. */
const GLIBC = [2, 28]

const targets = [
  { target: 'linux-x64', compiler: 'g++', objdump: 'objdump', run: '' },
  {
    target: 'linux-arm64',
    compiler: 'aarch64-linux-gnu-g++',
    objdump: 'aarch64-linux-gnu-objdump',
    run: 'qemu-aarch64 -L /usr/aarch64-linux-gnu',
  },
]

function fail(message) {
  console.error(`npm pack: ${message}`)
  process.exit(1)
}

const needed = targets.flatMap(({ compiler, objdump, run }) => [compiler, objdump, run.split(' ')[0]]).filter(Boolean)
const missing = needed.filter(name => spawnSync(name, ['--version']).error !== undefined)
if (missing.length > 0) {
  fail(`not installed: ${missing.join(', ')} (Debian: g++ binutils g++-aarch64-linux-gnu qemu-user)`)
}
if (process.platform !== 'linux' || process.arch !== 'x64') fail('the binaries can only be built on linux-x64')

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

await build()
const { buildAddon } = await import('../dist/engines/native/build.js')
for (const { target, compiler, objdump, run } of targets) {
  checkSymbols(objdump, await buildAddon({ target, compiler }))
  await testNative({ target, compiler, run })
  console.error(`${target}: built and tested, needs glibc ${GLIBC.join('.')} or newer`)
}
