/** `diffwave build-native`: compiles the native engine if the package brings no binary for it. */
import { defined } from '../../core/defined.js'
import { buildAddon } from '../../engines/native/build.js'
import type { command } from '../commands/build-native.js'
import type { Context } from '../context.js'
import type { Values } from '../option-spec.js'

export async function run(
  context: Context,
  _: readonly string[],
  { compiler }: Values<typeof command.options>,
): Promise<void> {
  const path = await buildAddon({ ...defined({ compiler }), signal: context.signal })
  context.result(`built ${path}`, { built: path })
}
