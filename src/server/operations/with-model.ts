/** Runs a part of an operation on a model, which is given back afterwards. */
import type { Denoiser } from '../../denoiser/denoiser.js'
import type { OperationTools } from './operation.js'

export async function withModel<T>(
  { models }: Pick<OperationTools, 'models'>,
  name: string,
  use: (model: Denoiser) => Promise<T>,
  variant: { readonly zeroOutput?: boolean } = {},
): Promise<T> {
  const lease = await models.lease(name, variant)
  try {
    return await use(lease.model)
  } finally {
    lease.release()
  }
}
