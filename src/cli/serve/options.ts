/** The options of commands that serve. */
import { engineChoices } from '../choices.js'
import { choice, flag, integer, number, precision, text, texts, threads } from '../options.js'

/** Options of everything that serves. */
export const serveOptions = {
  host: text('--host <address>', 'address to listen on', { default: '127.0.0.1, reachable only from this machine' }),
  port: integer('--port <n>', 'port to listen on, 0 for any free one', { default: '8080' }),
  token: text('--token <token>', 'bearer token that clients must send', { default: '$DIFFWAVE_TOKEN or none' }),
  models: texts('-m, --models <models...>', 'models to offer: names of shipped models, or name=path of others', {
    default: 'all shipped models',
  }),
  runs: texts('--runs <folders...>', 'folders of training runs to watch, or folders that contain such folders'),
  engine: choice('--engine <engine>', 'engine to run the networks on', engineChoices),
  threads,
  precision,
  redis: text('--redis <url>', 'Redis server that shares jobs with `diffwave worker`s', {
    default: '$DIFFWAVE_REDIS or none',
  }),
  cors: texts('--cors <origins...>', 'origins whose pages may use the service, or * for all', { default: 'none' }),
  trustProxy: flag(
    '--trust-proxy',
    'take client addresses from the X-Forwarded-For header of a proxy in front of the service',
  ),
  maxBody: number('--max-body <MB>', 'largest request body in megabytes', { default: '32', group: 'Limits' }),
  maxSeconds: number('--max-seconds <s>', 'longest audio per request in seconds', {
    default: '600',
    field: 'limits.seconds',
    group: 'Limits',
  }),
  maxWork: number('--max-work <s>', 'longest work per request in seconds', {
    default: '300',
    field: 'limits.workSeconds',
    group: 'Limits',
  }),
  parallel: integer('--parallel <n>', 'requests that run at the same time', {
    default: '2',
    field: 'limits.parallel',
    group: 'Limits',
  }),
  queue: integer('--queue <n>', 'requests that wait for their turn', {
    default: '64',
    field: 'limits.queue',
    group: 'Limits',
  }),
  perClient: integer('--per-client <n>', 'requests from one client at a time', {
    default: '32',
    field: 'limits.perClient',
    group: 'Limits',
  }),
  rate: integer('--rate <n>', 'requests from one client per minute, 0 for any number', {
    default: '3000',
    field: 'limits.requestsPerMinute',
    group: 'Limits',
  }),
  connections: integer('--connections <n>', 'open connections from one client, 0 for any number', {
    default: '256',
    field: 'limits.connectionsPerClient',
    group: 'Limits',
  }),
  modelMemory: number('--model-memory <MB>', 'memory for loaded models in megabytes', {
    default: '1024',
    group: 'Limits',
  }),
  resultMemory: number('--result-memory <MB>', 'memory for results of jobs in megabytes', {
    default: '512',
    group: 'Limits',
  }),
  keepResults: number('--keep-results <s>', 'seconds to keep results of jobs', {
    default: '900',
    field: 'limits.resultSeconds',
    group: 'Limits',
  }),
  drain: number('--drain <s>', 'seconds to finish running work when stopped', {
    default: '30',
    field: 'drainSeconds',
    group: 'Limits',
  }),
}
