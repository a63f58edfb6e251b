// Cross compilers for other platforms than this machine's: the clang of zig, with C libraries and headers for each.
// zig comes from PyPI (`pip install ziglang==0.15.2`) or is on the PATH.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.mjs'

/** The platforms by our names, with zig's name and the oldest system on which a binary runs. */
export const zigTargets = {
  'linux-x64-musl': 'x86_64-linux-musl',
  'linux-arm64-musl': 'aarch64-linux-musl',
  'darwin-x64': 'x86_64-macos.11.0',
  'darwin-arm64': 'aarch64-macos.11.0',
  'win32-x64': 'x86_64-windows-gnu',
  'win32-arm64': 'aarch64-windows-gnu',
}

/** How to call zig, or null if it is not installed. */
export function findZig() {
  const ways = [['zig'], ['python3', '-m', 'ziglang']]
  return ways.find(([command, ...args]) => spawnSync(command, [...args, 'version']).status === 0) ?? null
}

/** Makes the import library of node.exe, which Windows needs to link an addon. */
function importLibrary(zig, architecture, folder) {
  const definitions = join(root, 'node_modules', 'node-api-headers', 'def')
  const machine = { x64: 'i386:x86-64', arm64: 'arm64' }[architecture]
  return ['js_native_api', 'node_api'].map(name => {
    const library = join(folder, `${name}.lib`)
    const [command, ...args] = [...zig, 'dlltool', '-m', machine, '-d', join(definitions, `${name}.def`), '-l', library]
    execFileSync(command, args)
    return library
  })
}

/**
 * Writes a script that compiles and links C++ for a target as g++ would for this machine.
 *
 * - clang 19 and 20 treat 512-bit vectors as a separate feature (evex512), which zig leaves out.
 * - zig takes `-march` as the name of a processor, and has its own names for architectures.
 * - On Windows an addon links against the import library of node.exe. Only on macOS zig must
 *   be told to allow undefined names.
 *
 * @returns the script's path
 */
export function zigCompiler(zig, target) {
  const folder = join(root, 'build', 'zig', target)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'c++')
  const [platform, architecture] = target.split('-')
  const libraries = platform === 'win32' ? importLibrary(zig, architecture, folder) : []
  const arm = platform === 'darwin' ? 'apple_m1' : 'generic+v8_2a'
  const quoted = words => words.map(word => `'${word}'`).join(' ')
  const script = `#!/bin/sh
more=
case " $* " in
  *' -mavx512f '*) more='-Xclang -target-feature -Xclang +evex512' ;;
  *' -shared '*) more="${platform === 'darwin' ? '-s' : libraries.join(' ')}" ;;
esac
for word do
  shift
  [ "$word" = '-march=armv8.2-a+bf16' ] && word='-mcpu=${arm}+bf16'
  set -- "$@" "$word"
done
exec ${quoted(zig)} c++ -target ${zigTargets[target]} "$@" $more
`
  writeFileSync(path, script)
  chmodSync(path, 0o755)
  return path
}
