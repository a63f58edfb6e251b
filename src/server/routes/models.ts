/** `/v1/models`: what the models of the service are, and their noise schedules. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { modelView, scheduleView } from '../../synthesis/model-view.js'
import { json, pathParameters, responses } from '../http/documented.js'
import type { ModelCache } from '../model-cache.js'
import { sampling } from '../operations/options.js'
import { type Problem, problemOf } from '../problem.js'
import { operationOptions, optionsSchema } from '../query.js'
import type { ServiceState } from '../service-state.js'

type ModelRequest = FastifyRequest<{ Params: { name: string } }>

/** A model whose config cannot be read, and why. */
interface Unavailable {
  readonly name: string
  readonly problem: Problem
}

/**
 * All models, for a page to choose from, and those that it cannot.
 *
 * @param onFault called with why a model's config cannot be read, for a log
 */
async function modelViews(models: ModelCache, onFault: (error: unknown) => void = () => {}) {
  const seen = new Set<string>()
  const views = []
  const unavailable: Unavailable[] = []
  for (const name of models.names) {
    try {
      const config = await models.config(name)
      views.push({ ...modelView(config, name), isDefault: !seen.has(config.kind), isLoaded: models.isLoaded(name) })
      seen.add(config.kind)
    } catch (error) {
      onFault(error)
      unavailable.push({ name, problem: problemOf(error) })
    }
  }
  return { models: views, unavailable }
}

const LISTED =
  '{models: […], unavailable: [{name, problem}]}, with the models whose config cannot be read in the latter'

export function modelRoutes(app: FastifyInstance, { tools: { models } }: ServiceState): void {
  const tags = ['Models']

  app.get(
    '/v1/models',
    { schema: { tags, summary: 'All models', response: responses({ 200: json(LISTED) }) } },
    async request => modelViews(models, error => request.log.error({ err: error }, 'a fault of the service')),
  )

  app.get(
    '/v1/models/:name',
    {
      schema: {
        tags,
        summary: 'A model',
        params: pathParameters('name'),
        response: responses({ 200: json('The model') }),
      },
    },
    async (request: ModelRequest) => {
      await models.config(request.params.name)
      return (await modelViews(models)).models.find(({ name }) => name === request.params.name)
    },
  )

  const { seed: _, ...choice } = sampling
  const schedule = { name: 'schedule', options: z.strictObject(choice) }
  app.get(
    '/v1/models/:name/schedule',
    {
      schema: {
        tags,
        summary: 'The noise schedules of a model',
        description: 'ᾱ of each training step from 0; and the steps t and ᾱ that sampling visits, noisiest first.',
        params: pathParameters('name'),
        querystring: optionsSchema(schedule),
        response: responses({ 200: json('{training: {alphaBars}, sampling: {steps, alphaBars, spreads}}') }),
      } as object,
    },
    async (request: ModelRequest) => {
      const query = request.query as Readonly<Record<string, unknown>>
      return scheduleView(await models.config(request.params.name), operationOptions(schedule, query))
    },
  )
}
