/** `diffwave serve`: the library as a service. */
import type { command } from '../commands/serve.js'
import type { Context } from '../context.js'
import type { Values } from '../option-spec.js'
import { runService } from '../serve/run-service.js'
import { serviceOptions } from '../serve/service-options.js'

export async function run(
  context: Context,
  _: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  return runService(context, await serviceOptions(context, options))
}
