// Checks the files of `diffwave export --to triton` by the schemas of the two servers, for every model of the
// repository. config.pbtxt is checked by Triton's ModelConfig (protobuf, from the package tritonclient), and its inputs
// and outputs by ONNX Runtime. inference-service.yaml is checked by the CRD of KServe (from its Go module).
// usage: node scripts/serving-schemas.mjs [--python PATH]
// --python: a Python with tritonclient, onnxruntime, jsonschema and PyYAML; by default a virtual environment that is
// made in build/serving-schemas/
//
// It needs Python 3 with pip, Go, and a built dist/. A check whose tools are missing is skipped, with the reason.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './compile.mjs'

const PACKAGES = ['tritonclient[grpc]', 'onnxruntime', 'jsonschema', 'PyYAML']
const KSERVE = 'github.com/kserve/kserve@v0.15.2'
const CRD = 'config/crd/full/serving.kserve.io_inferenceservices.yaml'

const folder = join(root, 'build', 'serving-schemas')
const { values: options } = parseArgs({ options: { python: { type: 'string' } } })

/**
 * The last line that a failed command printed.
 *
 * @param {{ stderr: string, error?: Error }} ended
 */
const reason = ({ stderr, error }) => (stderr || error?.message || '').trim().split('\n').at(-1)

/** Finds a Python with the packages. Prints the reason and returns null if there is none. */
function findPython() {
  const imports = 'import google.protobuf, jsonschema, onnxruntime, tritonclient.grpc.model_config_pb2, yaml'
  const own = join(folder, 'python')
  const python = options.python ?? join(own, 'bin', 'python')
  if (spawnSync(python, ['-c', imports]).status === 0) return python
  if (options.python === undefined) {
    const made = spawnSync('python3', ['-m', 'venv', own], { encoding: 'utf8' })
    const installed =
      made.status === 0 ? spawnSync(python, ['-m', 'pip', 'install', '-q', ...PACKAGES], { encoding: 'utf8' }) : made
    if (installed.status === 0) return python
    console.log(`skipped: no Python with ${PACKAGES.join(', ')} (${reason(installed)})`)
    return null
  }
  console.log(`skipped: ${python} does not have all of ${PACKAGES.join(', ')}`)
  return null
}

/** Returns the path of KServe's CRD. Prints the reason and returns null if it is not available. */
function findCrd() {
  const got = spawnSync('go', ['mod', 'download', '-json', KSERVE], { cwd: folder, encoding: 'utf8' })
  if (got.status === 0) return join(JSON.parse(got.stdout).Dir, CRD)
  console.log(`skipped: the manifest's schema, ${KSERVE} (${reason(got)})`)
  return null
}

const CHECK = `
import json, sys, onnxruntime, yaml, jsonschema
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

repository, crd_path = sys.argv[1], sys.argv[2]
name = 'diffwave'
config = model_config_pb2.ModelConfig()
text_format.Parse(open(f'{repository}/{name}/config.pbtxt').read(), config)
assert config.name == name and config.backend == 'onnxruntime', config
session = onnxruntime.InferenceSession(f'{repository}/{name}/1/model.onnx')
types = {'tensor(float)': model_config_pb2.TYPE_FP32, 'tensor(int64)': model_config_pb2.TYPE_INT64}
for ports, stated in ((session.get_inputs(), config.input), (session.get_outputs(), config.output)):
    assert [port.name for port in ports] == [port.name for port in stated], stated
    for port, own in zip(ports, stated):
        assert types[port.type] == own.data_type, own
        dims = own.reshape.shape if own.HasField('reshape') else own.dims
        assert [size if isinstance(size, int) else -1 for size in port.shape[1:]] == list(dims), (port.shape, own)
names = ', '.join(port.name for port in config.input)
print('config.pbtxt: a ModelConfig of the graph\\'s', names, '→', config.output[0].name)
if crd_path:
    documents = yaml.safe_load_all(open(crd_path))
    (crd,) = [document for document in documents if document['kind'] == 'CustomResourceDefinition']
    manifest = yaml.safe_load(open(f'{repository}/inference-service.yaml'))
    group, version = manifest['apiVersion'].split('/')
    assert group == crd['spec']['group'] and manifest['kind'] == crd['spec']['names']['kind'], manifest
    (schema,) = [each['schema']['openAPIV3Schema'] for each in crd['spec']['versions'] if each['name'] == version]
    def strict(node):
        # The API server drops fields that the schema does not name: here they are errors.
        if isinstance(node, dict):
            if 'properties' in node and not node.get('x-kubernetes-preserve-unknown-fields'):
                node.setdefault('additionalProperties', False)
            if node.pop('x-kubernetes-int-or-string', False):
                node['type'] = ['integer', 'string']
                node.pop('anyOf', None)
            for value in node.values(): strict(value)
        elif isinstance(node, list):
            for value in node: strict(value)
    schema['properties']['metadata']['properties'] = {'name': {'type': 'string'}}
    strict(schema)
    jsonschema.Draft4Validator(schema).validate(manifest)
    print('inference-service.yaml: an', manifest['kind'], 'of', manifest['apiVersion'])
`

mkdirSync(folder, { recursive: true })
const python = findPython()
if (python !== null) {
  const crd = findCrd()
  const main = join(root, 'dist', 'cli', 'main.js')
  if (!existsSync(main)) throw new Error('dist/ is missing: npm run build')
  for (const model of readdirSync(join(root, 'models'))) {
    if (!existsSync(join(root, 'models', model, 'config.json'))) continue
    const repository = join(folder, model)
    const args = ['export', join(root, 'models', model), '--to', 'triton', '-o', repository, '-y']
    execFileSync(process.execPath, [main, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
    execFileSync(python, ['-c', CHECK, repository, crd ?? ''], { stdio: ['ignore', 'inherit', 'inherit'] })
  }
}
