/** The works, in the order of the documentation. */
import { compare } from './compare.js'
import { denoise } from './denoise.js'
import { forward } from './forward.js'
import { generate } from './generate.js'
import { inpaint } from './inpaint.js'
import { mel } from './mel.js'
import { reverseProcess } from './process.js'
import { vocode } from './vocode.js'
import type { Work } from './work.js'

export const works: readonly Work[] = [vocode, generate, inpaint, denoise, mel, forward, reverseProcess, compare]
