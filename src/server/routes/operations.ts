/** `POST /v1/<operation>`: the result while it is made, or with `Prefer: respond-async` as a job. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DiffWaveError } from '../../core/errors.js'
import { clientOf, clientSignal } from '../http/client.js'
import { binary, bytes, jobSchema, json, responses } from '../http/documented.js'
import { headersOf } from '../http/fact-headers.js'
import { StreamOutput } from '../http/stream-output.js'
import { MAX_JSON_BYTES } from '../limits.js'
import type { Operation } from '../operations/operation.js'
import { operations } from '../operations/operations.js'
import { type Order, runOperation } from '../operations/run-operation.js'
import { operationOptions, optionsSchema } from '../query.js'
import { Refusal } from '../refusal.js'
import type { ServiceState } from '../service-state.js'
import { jobJson } from './jobs.js'

/** RFC 7240, section 4.1. */
function wantsJob({ prefer }: FastifyRequest['headers']): boolean {
  return /(^|,)\s*respond-async\s*(;|,|$)/i.test(String(prefer ?? ''))
}

/** The options in a JSON body of an operation that takes no file. @throws Refusal `BAD_REQUEST` */
function jsonBody(body: Buffer): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {}
  const refuse = (problem: string) =>
    new Refusal(400, 'BAD_REQUEST', problem, { expected: '{"option": value, …}, or no body' })
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw refuse('the body is not valid JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse('the body is not a JSON object')
  return value as Readonly<Record<string, unknown>>
}

/** What a request asks for. @throws DiffWaveError `BAD_OPTION`, `TRUNCATED`; Refusal `BAD_REQUEST` */
function orderOf(operation: Operation, request: FastifyRequest): Order {
  const body = request.body instanceof Buffer ? request.body : Buffer.alloc(0)
  const query = request.query as Readonly<Record<string, unknown>>
  if (operation.body === 'none')
    return { operation, options: operationOptions(operation, query, jsonBody(body)), body: Buffer.alloc(0) }
  const options = operationOptions(operation, query)
  if (body.length === 0 && !operation.body.startsWith('optional')) {
    throw new DiffWaveError('TRUNCATED', 'the body is empty', {
      expected: `a ${operation.body}`,
      hint: 'Send the file itself as the body, as curl --data-binary @file does.',
    })
  }
  return { operation, options, body }
}

/** Answers with the result while it is made. */
async function respond(state: ServiceState, order: Order, request: FastifyRequest, reply: FastifyReply) {
  const { queue, tools } = state
  const left = clientSignal(reply)
  const output = new StreamOutput(error => left.abort(error))
  const done = queue.run(clientOf(request), left.signal, () =>
    runOperation(order, tools, { signal: left.signal, onProgress: () => {}, output }),
  )
  // The same promise for both: `done` may fail after the result has begun.
  done.then(
    () => output.finish(),
    error => {
      // Before the result begins, the error is the answer.
      if (output.hasStarted && !left.signal.aborted) request.log.error({ err: error }, 'a result was cut off')
      output.finish(error)
    },
  )
  const head = await Promise.race([output.started, done.then(() => output.started)])
  reply.header('content-type', head.type).headers(headersOf(head.facts))
  if (head.bytes !== null) reply.header('content-length', head.bytes)
  return reply.send(output.body)
}

function bodySchema(operation: Operation) {
  if (operation.body === 'none')
    return { requestBody: { content: { 'application/json': { schema: optionsSchema(operation) } } } }
  return {
    requestBody: {
      description: `A ${operation.body.replace('optional ', '')}: ${
        operation.body.includes('mel') ? '.npy, .npz, .safetensors or .pt; or ' : ''
      }WAV, FLAC, MP3, Ogg Vorbis or Opus. The bytes tell the format.`,
      required: !operation.body.startsWith('optional'),
      content: { 'application/octet-stream': { schema: binary } },
    },
  }
}

/** Whether an order runs only as a job. */
function isJobOnly({ operation: { jobOnly }, options }: Order): boolean {
  return typeof jobOnly === 'function' ? jobOnly(options as never) : jobOnly
}

export function operationRoutes(app: FastifyInstance, state: ServiceState): void {
  for (const operation of operations) {
    const alwaysJob = operation.jobOnly === true
    const result = alwaysJob ? {} : { 200: bytes('The result', operation.result) }
    app.post(
      `/v1/${operation.name}`,
      {
        ...(operation.body === 'none' ? { bodyLimit: MAX_JSON_BYTES } : {}),
        // Refused before its body is received, if there is no place for it.
        onRequest: async request => {
          const isRemote = state.jobs.isRemote && (alwaysJob || wantsJob(request.headers))
          if (!isRemote) state.queue.admit(clientOf(request))
        },
        schema: {
          summary: operation.summary,
          description: `${operation.details} With the header Prefer: respond-async the answer is a job.`,
          tags: ['Operations'],
          querystring: optionsSchema(operation),
          ...bodySchema(operation),
          response: responses({ ...result, 202: json('The job', jobSchema) }),
        } as object,
      },
      async (request, reply) => {
        const order = orderOf(operation, request)
        if (!isJobOnly(order) && !wantsJob(request.headers)) return respond(state, order, request, reply)
        const job = await state.jobs.submit(order, clientOf(request))
        return reply
          .status(202)
          .headers({ location: `/v1/jobs/${job.id}`, 'preference-applied': 'respond-async' })
          .send(jobJson(job))
      },
    )
  }
}
