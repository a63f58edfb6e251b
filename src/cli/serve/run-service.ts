/** Runs a service until it is stopped, with its log on standard output. */
import { isLoopback } from '../../server/http/loopback.js'
import type { Page } from '../../server/page.js'
import { startService } from '../../server/service.js'
import type { Context } from '../context.js'
import { logLine } from '../text.js'
import type { serviceOptions } from './service-options.js'

/** The option `log` of services and workers: lines on standard output; none with `--quiet`. */
export function serviceLog({ quiet }: Pick<Context, 'quiet'>) {
  return quiet ? {} : { log: { write: (line: string) => void process.stdout.write(logLine(line)) } }
}

/** Resolves when a signal stops the command. */
export async function untilStopped({ signal }: Pick<Context, 'signal'>): Promise<void> {
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
}

/**
 * Runs a service until a signal stops it.
 *
 * @param onListening called with its address once it listens
 */
export async function runService(
  context: Context,
  options: Awaited<ReturnType<typeof serviceOptions>> & { readonly page?: Page },
  onListening: (url: string) => Promise<void> = async () => {},
): Promise<void> {
  const service = await startService({ ...options, ...serviceLog(context), signal: context.signal })
  const { host = '127.0.0.1', token } = options
  if (token === undefined && !isLoopback(host)) {
    context.note('anyone who reaches this address can use the service; --token makes it ask for a token')
  }
  context.note(`listening on ${service.url}, documented at ${service.url}/docs`)
  await onListening(service.url)
  await untilStopped(context)
  await service.stop()
}
