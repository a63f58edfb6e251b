/** The addresses of this machine that no other one reaches. */

/** The names under which a service on one of them is reached, as in a `Host` header. */
export const loopbackNames: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** Whether a service that listens at an address is reachable from this machine alone: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(host: string): boolean {
  return /^(localhost|::1|127(\.\d{1,3}){3})$/i.test(host)
}
