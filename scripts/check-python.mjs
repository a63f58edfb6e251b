// Checks the Python of interop/pytorch: its types with mypy, and its style with ruff (pyproject.toml). A tool that is
// not installed is skipped, and so is mypy without PyTorch, whose types it reads.
// usage: node scripts/check-python.mjs    $DIFFWAVE_PYTHON names the interpreter with PyTorch (default: python3)
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './compile.mjs'

const { DIFFWAVE_PYTHON: python = 'python3' } = process.env
const cwd = join(root, 'interop', 'pytorch')

/** Whether a program can be run and succeeds. */
const succeeds = (program, ...args) => spawnSync(program, args).status === 0

/** The command of a tool: a module of the interpreter, or a program of that name; null if there is neither. */
function commandOf(tool) {
  const commands = [[python, '-m', tool], [tool]]
  return commands.find(command => succeeds(...command, '--version')) ?? null
}

/** Runs a tool, or says why it is skipped. @param needed a module that the interpreter must have */
function check(tool, args, needed) {
  const command = commandOf(tool)
  if (command === null) return console.log(`python: ${tool} skipped, it is not installed (pip install ${tool})`)
  if (needed !== undefined && !succeeds(python, '-c', `import ${needed}`)) {
    return console.log(`python: ${tool} skipped, ${python} has no ${needed}; DIFFWAVE_PYTHON names another`)
  }
  const [program, ...first] = command
  const { status } = spawnSync(program, [...first, ...args], { cwd, stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}

check('ruff', ['check', '--no-cache'])
check('mypy', ['--python-executable', python, '--cache-dir', join(root, 'build', 'mypy')], 'torch')
