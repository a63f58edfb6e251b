/** How much memory arrays take. */
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes of arrays that are in use. V8 frees arrays beside the thread that collects: the second call waits for that. */
export async function bytesInUse(): Promise<number> {
  collectGarbage()
  await sleep(20)
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}
