// Writes the API reference to out/reference/ from the docstrings; installs typedoc beside itself first if it is
// missing.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.mjs'

const tools = join(root, 'scripts', 'docs')
const typedoc = join(tools, 'node_modules', 'typedoc', 'bin', 'typedoc')

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

if (!existsSync(typedoc)) run('npm', ['ci', '--prefix', tools])
run(process.execPath, [typedoc, ...process.argv.slice(2)])
