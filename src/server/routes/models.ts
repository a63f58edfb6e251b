/** `/v1/models`: what the models of the service are, and their noise schedules. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { createSampler } from '../../diffusion/samplers/create.js'
import { noiseSchedule } from '../../diffusion/schedule.js'
import { hasShapedNoise } from '../../model/diffusion-config.js'
import { describeModel } from '../../synthesis/describe-model.js'
import { json, pathParameters, responses } from '../http/documented.js'
import type { ModelCache } from '../model-cache.js'
import { optionsSchema, workOptions } from '../query.js'
import type { ServiceState } from '../service-state.js'
import { sampling } from '../work/options.js'

type ModelRequest = FastifyRequest<{ Params: { name: string } }>

/** A model, for a page to choose from. */
async function modelView(models: ModelCache, name: string, isDefault: boolean) {
  const config = await models.config(name)
  const { diffusion } = config
  return {
    ...describeModel(config),
    name,
    title: config.name,
    isDefault,
    isLoaded: models.isLoaded(name),
    clipSeconds: config.clipSeconds,
    bands: config.mel?.bands ?? null,
    trainingSteps: noiseSchedule(diffusion.training).beta.length,
    shapedNoise: hasShapedNoise(diffusion),
    defaultSampler: diffusion.defaultSampler,
    defaultGuidance: diffusion.defaultGuidance,
  }
}

async function modelViews(models: ModelCache) {
  const seen = new Set<string>()
  const views: Awaited<ReturnType<typeof modelView>>[] = []
  for (const name of models.names) {
    const { kind } = await models.config(name)
    views.push(await modelView(models, name, !seen.has(kind)))
    seen.add(kind)
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
      const { diffusion } = await models.config(request.params.name)
      const query = request.query as Readonly<Record<string, unknown>>
      const sampler = createSampler(diffusion, workOptions(chosen, query))
      return {
        training: { kind: diffusion.training.kind, alphaBars: [...noiseSchedule(diffusion.training).alphaBar] },
        sampling: {
          steps: sampler.steps,
          alphaBars: sampler.alphaBars,
          spreads: sampler.steps.map((_, pass) => sampler.spread(pass)),
        },
      }
    },
  )
}
