/** `/v1/models`: what the models of the service are, and their noise schedules. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { modelView, scheduleView } from '../../synthesis/model-view.js'
import { json, pathParameters, responses } from '../http/documented.js'
import type { ModelCache } from '../model-cache.js'
import { optionsSchema, workOptions } from '../query.js'
import type { ServiceState } from '../service-state.js'
import { sampling } from '../work/options.js'

type ModelRequest = FastifyRequest<{ Params: { name: string } }>

/** All models, for a page to choose from. */
async function modelViews(models: ModelCache) {
  const seen = new Set<string>()
  const views = []
  for (const name of models.names) {
    const config = await models.config(name)
    const isDefault = !seen.has(config.kind)
    views.push({ ...modelView(config, name), isDefault, isLoaded: models.isLoaded(name) })
    seen.add(config.kind)
  }
  return views
}

export function modelRoutes(app: FastifyInstance, { tools: { models } }: ServiceState): void {
  const tags = ['Models']

  app.get(
    '/v1/models',
    { schema: { tags, summary: 'All models', response: responses({ 200: json('{models: […]}') }) } },
    async () => ({ models: await modelViews(models) }),
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
      return (await modelViews(models)).find(({ name }) => name === request.params.name)
    },
  )

  const { seed: _, ...choice } = sampling
  const chosen = { options: z.strictObject(choice) }
  app.get(
    '/v1/models/:name/schedule',
    {
      schema: {
        tags,
        summary: 'The noise schedules of a model',
        description: 'ᾱ of each training step from 0; and the steps t and ᾱ that sampling visits, noisiest first.',
        params: pathParameters('name'),
        querystring: optionsSchema(chosen),
        response: responses({ 200: json('{training: {alphaBars}, sampling: {steps, alphaBars, spreads}}') }),
      } as object,
    },
    async (request: ModelRequest) => {
      const query = request.query as Readonly<Record<string, unknown>>
      return scheduleView(await models.config(request.params.name), workOptions(chosen, query))
    },
  )
}
