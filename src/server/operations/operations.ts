/** The operations, in the order of the documentation. */
import { compare } from './compare.js'
import { denoise } from './denoise.js'
import { forward } from './forward.js'
import { generate } from './generate.js'
import { inpaint } from './inpaint.js'
import { mel } from './mel.js'
import type { Operation } from './operation.js'
import { reverseProcess } from './process.js'
import { vocode } from './vocode.js'

export const operations: readonly Operation[] = [
  vocode,
  generate,
  inpaint,
  denoise,
  mel,
  forward,
  reverseProcess,
  compare,
]
