/** The platform a native binary is for: operating system, processor, and C library where there are two. */
import { familySync, MUSL } from 'detect-libc'

/** `<platform>-<arch>` as Node.js names them, and `-musl` behind it on a Linux with that C library. */
export function nativeTarget(): string {
  const musl = process.platform === 'linux' && familySync() === MUSL
  return `${process.platform}-${process.arch}${musl ? '-musl' : ''}`
}
