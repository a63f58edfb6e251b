/** How a browser finds a model by its address. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findModel } from '#src/model/find-model.browser'

test('an empty address is not taken for the page itself', async () => {
  await assert.rejects(findModel('', {}, { cache: false }), { code: 'BAD_OPTION', where: 'model' })
})

test('the address of a checkpoint is refused in a browser before anything is fetched', async () => {
  for (const name of ['model.pt', 'model.pth', 'model.ckpt', 'model.pkl', 'pytorch_model.bin', 'M.SAFETENSORS']) {
    await assert.rejects(
      findModel(`https://models.invalid/${name}`, {}, { cache: false }),
      { code: 'UNSUPPORTED_FORMAT', where: `https://models.invalid/${name}` },
      name,
    )
  }
})
