/** The examples in deploy/ are valid by the schemas of Docker and Kubernetes, and match this package. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { validate } from 'dockerfile-utils'
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1'
import { Job } from 'kubernetes-models/batch/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { Service } from 'kubernetes-models/v1'
import { parse, parseAllDocuments } from 'yaml'
import { commands } from '#src/cli/commands'
import { inRepository } from '../support/paths.js'

const deploy = (name: string) => inRepository(join('deploy', name))
const dockerfile = readFileSync(deploy('Dockerfile'), 'utf8')

/** A value of unknown shape: the schemas have checked it before. */
type Any = Readonly<Record<string, never>>

describe('deploy/Dockerfile', () => {
  test('is valid', () => {
    assert.deepEqual(validate(dockerfile), [])
  })

  test('passes hadolint', { skip: hadolintMissing() }, () => {
    const { status, stdout } = spawnSync('hadolint', [deploy('Dockerfile')], { encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  })

  test('has two stages, a numeric user and the program as entry point', () => {
    assert.equal(dockerfile.match(/^FROM /gm)?.length, 2)
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
    assert.match(last, /^USER [1-9]\d*:[1-9]\d*$/m)
    assert.match(last, /^ENTRYPOINT \["node", "dist\/cli\/main.js"\]$/m)
    assert.doesNotMatch(last, /npm|apt-get/)
  })

  test('copies only files that exist or are built', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?:--from=build )?(.+)$/gm)]
      .flatMap(match => match[1]!.split(' ').slice(0, -1))
      .map(path => path.replace(/^\/build\//, ''))
    assert.ok(copied.length > 0)
    for (const path of copied)
      assert.ok(['node_modules', 'dist'].includes(path) || existsSync(inRepository(path)), path)
  })

  test('ignores what an image does not need, and nothing that it does', () => {
    const ignored = readFileSync(inRepository('.dockerignore'), 'utf8').split('\n')
    for (const path of ['.git', 'node_modules', 'dist', 'test']) assert.ok(ignored.includes(path), path)
    for (const path of ['src', 'scripts', 'native', 'prebuilds', 'models', 'package.json', 'package-lock.json']) {
      assert.ok(!ignored.includes(path), path)
    }
  })
})

describe('deploy/compose.yaml', () => {
  const { services, volumes } = parse(readFileSync(deploy('compose.yaml'), 'utf8'), { merge: true }) as {
    readonly services: Readonly<Record<string, Any>>
    readonly volumes: Any
  }

  test('has services with known keys that refer to each other', () => {
    const keys = new Set(
      (
        'image build command environment ports volumes read_only tmpfs cap_drop security_opt stop_grace_period ' +
        'restart depends_on healthcheck deploy'
      ).split(' '),
    )
    for (const [name, service] of Object.entries(services)) {
      for (const key of Object.keys(service)) assert.ok(keys.has(key), `${name}.${key}`)
      for (const other of Object.keys(service['depends_on'] ?? {}))
        assert.ok(other in services, `${name} needs ${other}`)
      for (const mount of (service['volumes'] ?? []) as readonly string[]) assert.ok(mount.split(':')[0]! in volumes)
    }
  })

  test('shares Redis with the workers, and opens only the service’s port, locally', () => {
    const environment = (name: string) => services[name]!['environment'] as Readonly<Record<string, string>>
    assert.equal(environment('serve')['DIFFWAVE_REDIS'], environment('worker')['DIFFWAVE_REDIS'])
    assert.deepEqual(services['worker']!['command'], ['worker'])
    const open = Object.entries(services).flatMap(([name, service]) => (service['ports'] ? [name] : []))
    assert.deepEqual(open, ['serve'])
    assert.match(String(services['serve']!['ports']), /^127\.0\.0\.1:/)
  })
})

const kinds = { Deployment, StatefulSet, Job, NetworkPolicy, Service } as const

for (const file of readdirSync(deploy('')).filter(name => name.startsWith('kubernetes'))) {
  const documents = parseAllDocuments(readFileSync(deploy(file), 'utf8')).map(document => document.toJS())
  const pods = documents.flatMap(({ spec }) => (spec.template === undefined ? [] : [spec.template.spec]))

  describe(`deploy/${file}`, () => {
    test('is valid by the Kubernetes schemas', () => {
      assert.ok(documents.length > 0)
      for (const document of documents) {
        const Kind = kinds[document.kind as keyof typeof kinds]
        assert.equal(document.apiVersion, new Kind({} as never).apiVersion)
        new Kind(document).validate()
      }
    })

    test('runs nothing as root, and limits the memory of every container', () => {
      assert.ok(pods.length > 0)
      for (const { securityContext, containers } of pods) {
        assert.equal(securityContext.runAsNonRoot, true)
        for (const { name, resources, securityContext: own } of containers) {
          assert.equal(own.allowPrivilegeEscalation, false, name)
          assert.equal(own.readOnlyRootFilesystem, true, name)
          assert.deepEqual(own.capabilities.drop, ['ALL'], name)
          assert.ok(resources.limits.memory, name)
        }
      }
    })

    test('calls commands and options that exist', () => {
      const own = pods.flatMap(({ containers }) => containers).filter(({ image }) => image.startsWith('diffwave:'))
      assert.ok(own.length > 0)
      for (const { args = ['serve'] } of own) {
        const command = commands.find(({ name }) => name === args[0])
        assert.ok(command, args[0])
        const flags = Object.values(command.options).map(({ flags }) => /--[a-z-]+/.exec(flags)![0])
        for (const word of args) if (word.startsWith('--')) assert.ok(flags.includes(word), word)
      }
    })

    const isServed = documents.some(({ kind }) => kind === 'Service')
    test('has services that select its own pods', { skip: isServed ? false : 'no services' }, () => {
      const labels = documents.flatMap(({ spec }) => spec.template?.metadata?.labels?.app ?? [])
      for (const { kind, metadata, spec } of documents) {
        if (kind === 'Service') assert.ok(labels.includes(spec.selector.app), metadata.name)
        if (kind === 'Deployment') assert.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels)
      }
    })
  })
}

function hadolintMissing(): string | false {
  return spawnSync('hadolint', ['--version']).status === 0 ? false : 'hadolint is not installed'
}
