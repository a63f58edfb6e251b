/** Answers requests that are refused, whoever refuses them: Fastify, or the service. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { defined } from '../../core/defined.js'
import { MAX_URL_CHARACTERS } from '../limits.js'
import type { CheckedOptions } from '../options.js'
import { isFault, PROBLEM_TYPE, problemOf } from '../problem.js'
import { DOCUMENTED, Refusal, type ServiceCode } from '../refusal.js'
import { tooLarge } from './uploads.js'

/** Refusals of Fastify itself, by status: its messages speak of its insides. */
const fastifyRefusals: Readonly<Record<number, readonly [code: ServiceCode, problem: string, expected?: string]>> = {
  400: ['BAD_REQUEST', 'the request is malformed'],
  406: ['NOT_ACCEPTABLE', 'no acceptable answer'],
  411: ['LENGTH_REQUIRED', 'the length of the body is missing', 'the header Content-Length'],
  414: ['URI_TOO_LONG', 'the address is too long', `at most ${MAX_URL_CHARACTERS} characters`],
  415: ['UNSUPPORTED_MEDIA_TYPE', 'a body of this media type is not read', 'the file itself as the body'],
}

/** An error of Fastify or of ours, as one that `problemOf` knows. */
export function ownError(error: FastifyError, { bodyBytes }: CheckedOptions['limits']): unknown {
  if (!error.code?.startsWith('FST_') || error.statusCode === undefined) return error
  if (error.statusCode === 413) return tooLarge(bodyBytes)
  const known = fastifyRefusals[error.statusCode]
  if (known === undefined) return error
  const [code, problem, expected] = known
  return new Refusal(error.statusCode, code, problem, { ...defined({ expected }), hint: DOCUMENTED })
}

/** Answers a request with a problem document. */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error)
  if (isFault(error)) request.log.error({ err: error }, 'a fault of the service')
  if (problem.retryAfter !== undefined) reply.header('retry-after', problem.retryAfter)
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  if (problem.status === 405) reply.header('allow', problem.expected!)
  // Headers of the result that the request did not get.
  reply.removeHeader('content-length').removeHeader('content-disposition')
  void reply.status(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem))
}
