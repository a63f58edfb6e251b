/** `diffwave/server`: the service of `diffwave serve`, to run inside another program. */
export type { EngineName } from '../engines/select.js'
export type { ServiceLimits } from './limits.js'
export type { LogStream } from './options.js'
export { type ServeOptions, type Server, serve } from './serve.js'
