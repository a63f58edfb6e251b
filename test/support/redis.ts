/** Redis servers for tests, which end with the test file. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { after } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './http-server.js'
import { scratchFolder } from './scratch.js'

/** The reason for skipping tests with Redis; false if they can run. */
export const noRedis: string | false =
  spawnSync('redis-server', ['--version']).status === 0
    ? false
    : 'redis-server is not installed (apt-get install redis-server)'

export interface RedisServer {
  readonly url: string
  /** Kills the server. Its data are kept on disk. */
  kill(): Promise<void>
  /** Restarts the server at the same port with its data. */
  restart(): Promise<void>
}

/** Starts a server. @param args further options, such as `--requirepass` */
export async function redisServer(...args: readonly string[]): Promise<RedisServer> {
  const folder = scratchFolder('redis')
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', ...args]
  let kill = async () => {}
  const start = async () => {
    const child = spawn('redis-server', options)
    const ended = new Promise<void>(resolve => child.on('close', () => resolve()))
    let log = ''
    child.stdout.on('data', data => {
      log += data
    })
    kill = () => {
      child.kill('SIGKILL')
      return ended
    }
    for (let i = 0; !log.includes('Ready to accept connections'); i++) {
      if (i > 200) throw new Error(log)
      await setTimeout(50)
    }
  }
  await start()
  after(() => kill())
  return { url: `redis://127.0.0.1:${port}`, kill: () => kill(), restart: start }
}
