/** `/v1/jobs/…`: state, events, files and cancellation of jobs. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { clientSignal } from '../http/client.js'
import { bytes, jobSchema, json, pathParameters, responses } from '../http/documented.js'
import { lastEventId, sendEvents } from '../http/event-stream.js'
import { headersOf } from '../http/fact-headers.js'
import { hasEnded, type JobView, resultOf, type StoredFile } from '../jobs/job.js'
import { noFile } from '../jobs/refusals.js'
import type { ServiceState } from '../service-state.js'

/** A job with the addresses of its files. */
export function jobJson(job: JobView) {
  const url = (name: string) => `/v1/jobs/${job.id}/files/${name}`
  return { ...job, files: job.files.map(file => ({ ...file, url: url(file.name) })) }
}

type JobRequest = FastifyRequest<{ Params: { id: string; name: string } }>

const id = pathParameters('id')
const tags = ['Jobs']

/** State and cancellation. */
function stateRoutes(app: FastifyInstance, { jobs }: ServiceState): void {
  app.get(
    '/v1/jobs/:id',
    { schema: { tags, summary: 'A job', params: id, response: responses({ 200: json('The job', jobSchema) }) } },
    async (request: JobRequest) => jobJson(await jobs.view(request.params.id)),
  )

  app.delete(
    '/v1/jobs/:id',
    {
      schema: {
        tags,
        summary: 'Stops a job and removes it',
        params: id,
        response: responses({ 200: json('The job, as it was before it was removed', jobSchema) }),
      },
    },
    async (request: JobRequest) => jobJson(await jobs.remove(request.params.id)),
  )
}

async function isEmpty(events: AsyncIterable<unknown>): Promise<boolean> {
  for await (const _ of events) return false
  return true
}

function eventRoutes(app: FastifyInstance, { jobs }: ServiceState): void {
  app.get(
    '/v1/jobs/:id/events',
    {
      schema: {
        tags,
        summary: 'What happens to a job',
        description:
          'Server-sent events until the job ends: state (the job), progress ({progress}), file (a file that is ' +
          'there), and those of the operation, as step. Last-Event-ID or ?after= continues. ' +
          'A client that knows all events of a job that has ended gets 204.',
        params: id,
        response: responses({ 200: bytes('The events', 'text/event-stream'), 204: { description: 'No more events' } }),
      },
    },
    async (request: JobRequest, reply) => {
      const view = await jobs.view(request.params.id)
      const after = lastEventId(request) ?? 0
      const open = (signal: AbortSignal) => jobs.events(view.id, after, signal)
      // An `EventSource` opens a stream that has ended again and again, until it is told that nothing follows.
      if (after > 0 && hasEnded(view) && (await isEmpty(open(clientSignal(reply).signal)))) {
        return reply.status(204).send()
      }
      return sendEvents(request, reply, open)
    },
  )
}

/** Answers with a file, without a copy of it in memory for each of its readers. */
function sendFile({ file, pieces }: StoredFile, request: JobRequest, reply: FastifyReply): FastifyReply {
  return reply
    .headers({ 'content-type': file.type, 'content-length': file.bytes, ...headersOf(file.facts) })
    .send(Readable.from(request.method === 'HEAD' ? [] : pieces))
}

function fileRoutes(app: FastifyInstance, { jobs }: ServiceState): void {
  app.get(
    '/v1/jobs/:id/result',
    {
      schema: {
        tags,
        summary: 'The result of a job',
        params: id,
        response: responses({ 200: bytes('The result', 'application/octet-stream') }),
      },
    },
    async (request: JobRequest, reply) => {
      const view = await jobs.view(request.params.id)
      const result = resultOf(view)
      if (result === undefined) throw noFile('result', view)
      return sendFile(await jobs.file(view.id, result.name), request, reply)
    },
  )

  app.get(
    '/v1/jobs/:id/files/:name',
    {
      schema: {
        tags,
        summary: 'A file of a job',
        params: pathParameters('id', 'name'),
        response: responses({ 200: bytes('The file', 'application/octet-stream') }),
      },
    },
    async (request: JobRequest, reply) =>
      sendFile(await jobs.file(request.params.id, request.params.name), request, reply),
  )
}

export function jobRoutes(app: FastifyInstance, state: ServiceState): void {
  stateRoutes(app, state)
  eventRoutes(app, state)
  fileRoutes(app, state)
}
