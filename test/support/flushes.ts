/** What is flushed to the disk, and when. */
import { type FileHandle, open } from 'node:fs/promises'
import type { TestContext } from 'node:test'

/**
 * Calls a function before each flush of a file or folder, until the test ends.
 *
 * @param path any file or folder that can be opened
 */
export async function beforeFlushes(
  context: TestContext,
  path: string,
  heard: (handle: FileHandle) => void | Promise<void>,
): Promise<void> {
  const probe = await open(path)
  const handles = Object.getPrototypeOf(probe) as FileHandle
  await probe.close()
  const sync = handles.sync
  context.mock.method(handles, 'sync', async function (this: FileHandle) {
    await heard(this)
    return sync.call(this)
  })
}
