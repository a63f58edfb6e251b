/** `/v1/runs`: training runs to watch, from their files. */
import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { bytes, json, pathParameters, responses } from '../http/documented.js'
import { lastEventId, type StreamedEvent, sendEvents } from '../http/event-stream.js'
import type { RunLog } from '../run-log.js'
import type { ServiceState } from '../service-state.js'

type RunRequest = FastifyRequest<{ Params: { name: string; id: string } }>

/** Milliseconds between two looks at a log: a run writes a line every few seconds. */
const LOOK_MILLISECONDS = 1000

/** The last step that a client knows, whose number is the id of its event; −1 if it knows none. */
function lastStep(request: FastifyRequest): number {
  return lastEventId(request) ?? -1
}

/** The lines of a log past a step, as they come; the id of an event is its step. */
async function* linesOf(
  log: RunLog,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent, void, undefined> {
  for (let [known, last] = [after, after]; !signal.aborted; known = last) {
    // A run that is resumed cuts its log back, and writes steps again that are known.
    for await (const { lines } of log.added()) {
      for (const line of lines.filter(({ step }) => step > known)) {
        last = line.step
        yield { id: last, name: 'metrics', data: line }
      }
    }
    await setTimeout(LOOK_MILLISECONDS, undefined, { signal })
  }
}

const tags = ['Training']
const params = pathParameters('name')
const afterStep = { type: 'object', properties: { after: { type: 'integer', description: 'Step to go on from.' } } }

export function runRoutes(app: FastifyInstance, { runs }: ServiceState): void {
  app.get(
    '/v1/runs',
    { schema: { tags, summary: 'All training runs', response: responses({ 200: json('{runs: […]}') }) } },
    async () => ({ runs: await runs.list() }),
  )
  logRoutes(app, runs)
  clipRoutes(app, runs)
}

function logRoutes(app: FastifyInstance, runs: ServiceState['runs']): void {
  app.get(
    '/v1/runs/:name/metrics',
    {
      schema: {
        tags,
        summary: 'The log of a run',
        description:
          'A long log comes in parts. To get the next one, send the step of the last line, until no lines come.',
        params,
        querystring: afterStep,
        response: responses({ 200: json('{lines: […]}, those of metrics.jsonl') }),
      },
    },
    async (request: RunRequest) => ({ lines: await runs.metrics(request.params.name, lastStep(request)) }),
  )

  app.get(
    '/v1/runs/:name/events',
    {
      schema: {
        tags,
        summary: 'The log of a run, as it grows',
        params,
        querystring: afterStep,
        response: responses({ 200: bytes('Server-sent events: metrics', 'text/event-stream') }),
      },
    },
    async (request: RunRequest, reply) => {
      const log = await runs.log(request.params.name)
      return sendEvents(request, reply, signal => linesOf(log, lastStep(request), signal))
    },
  )
}

function clipRoutes(app: FastifyInstance, runs: ServiceState['runs']): void {
  app.get(
    '/v1/runs/:name/clips',
    {
      schema: {
        tags,
        summary: 'Validation clips of a run',
        params,
        response: responses({ 200: json('{clips: […]}') }),
      },
    },
    async (request: RunRequest) => ({ clips: await runs.clips(request.params.name) }),
  )

  app.get(
    '/v1/runs/:name/clips/:id',
    {
      schema: {
        tags,
        summary: 'A validation clip',
        params: pathParameters('name', 'id'),
        response: responses({ 200: bytes('A WAV file', 'audio/wav') }),
      },
    },
    async (request: RunRequest, reply) =>
      reply.type('audio/wav').send(Buffer.from(await runs.clip(request.params.name, request.params.id))),
  )
}
