// Runs the tensorflow:node engine on a real libtensorflow, for machines on which the install script of
// @tensorflow/tfjs-node cannot download one. The wheel tensorflow-cpu contains the library and its C headers, against
// which the binding is compiled. All files are in build/tensorflow-node/: a project with the packed diffwave, like a
// user's.
// usage: node scripts/tensorflow-node.mjs [--node PATH …] [--package tfjs-node-gpu] [--keep]
// --node: also runs a synthesis with this Node.js (may be repeated)
// --package tfjs-node-gpu: tests the GPU package without a GPU, which must be refused with a reason
// --keep: reuses the project of an earlier run
// Needs Linux x64, a C++17 compiler and Python 3 with pip. The download has 218 MB, the libraries 614 MB.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile, root } from './compile.mjs'

/** The last wheel that has TensorFlow's C interface with the symbols that tfjs-node 4.22 needs, for Python 3.11. */
const WHEEL = 'tensorflow-cpu==2.15.1'
const TFJS = '4.22.0'

const { values: options } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: [] },
    package: { type: 'string', default: 'tfjs-node' },
    keep: { type: 'boolean', default: false },
  },
})
const gpu = options.package === 'tfjs-node-gpu'
const folder = join(root, 'build', 'tensorflow-node')
const project = join(folder, options.package)
const installed = join(project, 'node_modules', 'diffwave')
const binding = join(project, 'node_modules', '@tensorflow', options.package)

function run(command, args, settings = {}) {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...settings })
}

/** Unpacks the wheel's two libraries and the headers of the C interface. */
function unpackWheel() {
  const wheels = join(folder, 'wheels')
  if (existsSync(join(folder, 'tensorflow', 'libtensorflow_cc.so.2'))) return
  run('python3', [
    ...['-m', 'pip', 'download', WHEEL, '--no-deps', '--dest', wheels, '--only-binary=:all:'],
    ...['--python-version', '3.11', '--platform', 'manylinux_2_17_x86_64'],
  ])
  const wheel = join(
    wheels,
    readdirSync(wheels).find(name => name.endsWith('.whl')),
  )
  const headers = `include/(tensorflow/(c|core/platform)|tsl)/.*`
  const wanted = String.raw`tensorflow/(libtensorflow_(cc|framework)\.so\.2|${headers})`
  const extract = `import re, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if re.fullmatch(sys.argv[3], name)])`
  run('python3', ['-c', extract, wheel, folder, wanted])
  rmSync(wheels, { recursive: true })
}

/** Installs the packed diffwave beside the TensorFlow package, and the tests into it. */
function install() {
  rmSync(project, { recursive: true, force: true })
  mkdirSync(project, { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n')
  run(process.execPath, [join(root, 'scripts', 'build.mjs')])
  compile('test/tsconfig.json')
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], { cwd: root })
  const tarball = readdirSync(project).find(name => name.endsWith('.tgz'))
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', 'fast-check', 'package.json'), 'utf8'))
  const packages = [`@tensorflow/${options.package}@${TFJS}`, `./${tarball}`, `fast-check@${version}`]
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], { cwd: project })
  cpSync(join(root, 'build', 'test'), join(installed, 'build', 'test'), { recursive: true })
  for (const name of ['test', 'samples', 'models/digits']) {
    cpSync(join(root, name), join(installed, name), { recursive: true })
  }
}

/** Compiles the binding of tfjs-node (Node-API 8) against the wheel's libraries. */
function compileBinding() {
  const libraries = join(folder, 'tensorflow')
  const out = join(binding, 'lib', 'napi-v8')
  mkdirSync(out, { recursive: true })
  run(process.env.CXX ?? 'g++', [
    ...['-O2', '-std=c++17', '-shared', '-fPIC', '-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=tfjs_binding'],
    ...['-I', binding, '-I', join(libraries, 'include')],
    ...['-I', join(root, 'node_modules', 'node-api-headers', 'include')],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map(name => join(binding, 'binding', name)),
    ...['cc', 'framework'].map(name => join(libraries, `libtensorflow_${name}.so.2`)),
    ...['-o', join(out, 'tfjs_binding.node'), `-Wl,-rpath,${libraries}`],
  ])
}

/** Synthesizes speech from one mel and one seed. @returns 16-bit samples */
function synthesize(node, engine) {
  const program = join(installed, 'dist', 'cli', 'main.js')
  const mel = join(project, 'mel.npy')
  const wav = join(project, 'speech.wav')
  const original = join(installed, 'samples', 'speech', 'LJ001-0002-original.wav')
  run(node, [program, 'mel', original, '-m', 'speech', '-o', mel, '-y', '--quiet'])
  run(node, [program, 'synthesize', mel, '-m', 'speech', '--seed', '1', '--engine', engine, '-o', wav, '-y'])
  const file = readFileSync(wav)
  const data = file.indexOf('data') + 8
  return new Int16Array(file.buffer.slice(file.byteOffset + data, file.byteOffset + file.length))
}

/** Fails unless both sound the same, to a signal-to-noise ratio of 60 dB. */
function compare(name, actual, expected) {
  if (actual.length !== expected.length) throw new Error(`${name}: ${actual.length} samples, not ${expected.length}`)
  let error = 0
  let power = 0
  expected.forEach((value, i) => {
    error += (actual[i] - value) ** 2
    power += value ** 2
  })
  const ratio = 10 * Math.log10(power / error)
  console.log(`${name}: ${ratio.toFixed(1)} dB from the native engine's speech`)
  if (ratio < 60) throw new Error(`${name} does not give the native engine's speech`)
}

if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('needs Linux x64')
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
mkdirSync(folder, { recursive: true })
unpackWheel()
if (!options.keep || !existsSync(installed)) {
  install()
  compileBinding()
}

if (gpu) {
  const args = ['generate', '-m', 'music', '--seconds', '1', '--engine', 'tensorflow:cuda', '-o', 'never.wav']
  const { status, stderr } = spawnSync(process.execPath, [join(installed, 'dist', 'cli', 'main.js'), ...args], {
    cwd: project,
    encoding: 'utf8',
  })
  console.log(stderr.trim())
  if (status !== 1 || !stderr.includes('TensorFlow sees no CUDA device')) throw new Error('not refused as expected')
} else {
  const tests = ['engines/tensorflow/node.test.js', 'diffusion/golden.test.js']
  run(process.execPath, ['--test', '--test-reporter=spec', ...tests.map(name => join('build', 'test', name))], {
    cwd: installed,
  })
  const expected = synthesize(process.execPath, 'native')
  for (const node of [process.execPath, ...options.node]) {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
    compare(`tensorflow:node with Node.js ${version}`, synthesize(node, 'tensorflow:node'), expected)
  }
}
