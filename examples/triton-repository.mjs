// A model repository for Triton Inference Server, and a KServe manifest that serves it.
// usage: node examples/triton-repository.mjs speech repository [steps]
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportOnnx } from 'diffwave'

const [model, folder, steps] = process.argv.slice(2)
const name = 'diffwave'

const version = join(folder, name, '1')
await mkdir(version, { recursive: true })
const { inputs, outputs } = await exportOnnx(model, join(version, 'model.onnx'), steps && { steps: Number(steps) })

// With max_batch_size, Triton adds the batch dimension: it is left out of the shapes. -1 is a size known at run time.
const types = { float32: 'TYPE_FP32', int64: 'TYPE_INT64' }
const sizes = shape => (shape.length === 1 ? [1] : shape.slice(1).map(size => (typeof size === 'string' ? -1 : size)))
const port = ({ name, type, shape }) =>
  `  { name: "${name}" data_type: ${types[type]} dims: [ ${sizes(shape).join(', ')} ]` +
  `${shape.length === 1 ? ' reshape: { shape: [ ] }' : ''} }`
const config = `name: "${name}"
backend: "onnxruntime"
max_batch_size: 8
input [
${inputs.map(port).join(',\n')}
]
output [
${outputs.map(port).join(',\n')}
]
instance_group [ { kind: KIND_AUTO } ]
`
await writeFile(join(folder, name, 'config.pbtxt'), config)

const manifest = `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ${name}
spec:
  predictor:
    model:
      modelFormat:
        name: onnx
      runtime: kserve-tritonserver
      protocolVersion: v2
      storageUri: pvc://models/repository
      resources:
        requests:
          cpu: "2"
          memory: 2Gi
        limits:
          cpu: "2"
          memory: 2Gi
`
await writeFile(join(folder, 'inference-service.yaml'), manifest)
console.log(
  `${folder}: ${inputs.map(input => input.name).join(', ')} → ${outputs.map(output => output.name).join(', ')}`,
)
