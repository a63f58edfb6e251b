/** The options of `diffwave evaluate`, as the command line parses them. */
import type { ModelOptions, SamplingOptions } from '../arguments.js'

export interface EvaluateOptions extends ModelOptions, Omit<SamplingOptions, 'format' | 'picture'> {
  readonly reference: string
  readonly output?: string
  readonly generated?: readonly string[]
  readonly mel?: string
  readonly limit?: number
  readonly refine?: number
  readonly baseline: boolean
  readonly label?: string
  readonly training?: string
  readonly count?: number
  readonly seconds?: number
  readonly guidance?: number
}
