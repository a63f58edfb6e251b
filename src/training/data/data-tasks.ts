/** The tasks that threads do with recordings before a run, and the messages between threads and the main program. */
import type { SentError } from '../../core/sent-error.js'
import { agreements } from './agreement.js'
import { prepareRecording } from './recording.js'

export const tasks = { prepareRecording, agreements } as const

export type TaskName = keyof typeof tasks
export type TaskRequest<Name extends TaskName> = Parameters<(typeof tasks)[Name]>[0]
export type TaskResult<Name extends TaskName> = Awaited<ReturnType<(typeof tasks)[Name]>>

/** A thread's answer: a result, or an error. */
export type TaskReply = { readonly result: unknown } | { readonly failure: SentError }
