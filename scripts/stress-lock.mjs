// Several processes try to take the lock of a training folder at the same moment. In every round exactly one must get
// it. In turn, the folder is empty, or holds the lock of a dead process, an empty lock, the lock of a process whose id
// was reused, or claims of dead processes. Prints one line of JSON.
// usage: npm run build && node scripts/stress-lock.mjs [ROUNDS] [PROCESSES]    default: 10000 rounds, 4 processes
import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A process id above the maximum of Linux. */
const DEAD = 4_194_305

/** Prepares the folder before a round. */
const states = {
  free: () => {},
  dead: folder => writeFileSync(join(folder, 'lock.json'), JSON.stringify({ pid: DEAD, started: '1' })),
  empty: folder => writeFileSync(join(folder, 'lock.json'), ''),
  reused: folder => writeFileSync(join(folder, 'lock.json'), JSON.stringify({ pid: process.pid, started: '1' })),
  claims: folder => {
    states.dead(folder)
    writeFileSync(join(folder, `lock.${DEAD}-1-.0123456789ab.claim`), '')
  },
}

async function contend() {
  const { lockFolder } = await import('../dist/training/run/lock.js')
  let lock = null
  process.on('message', async (/** @type {any} */ message) => {
    if (message.release) {
      await lock?.release()
      lock = null
      process.send('released')
      return
    }
    // A busy loop, since a timer is too coarse: all processes start within a few microseconds.
    while (Date.now() < message.at) {}
    try {
      lock = await lockFolder(message.folder)
      process.send('held')
    } catch (error) {
      process.send(error.code ?? String(error))
    }
  })
  process.send('ready')
}

const answer = child => new Promise(resolve => child.once('message', resolve))

async function main(rounds, processes) {
  const children = Array.from({ length: processes }, () => fork(new URL(import.meta.url), ['contend']))
  await Promise.all(children.map(answer))
  const ask = message =>
    Promise.all(
      children.map(child => {
        const answered = answer(child)
        child.send(message)
        return answered
      }),
    )
  const names = Object.keys(states)
  const scratch = mkdtempSync(join(tmpdir(), 'diffwave-stress-lock-'))
  const result = { rounds, processes, oneHolder: 0, severalHolders: 0, noHolder: 0, leftFiles: 0, otherErrors: {} }
  for (let round = 0; round < rounds; round++) {
    const folder = join(scratch, String(round))
    mkdirSync(folder)
    states[names[round % names.length]](folder)
    const answers = await ask({ folder, at: Date.now() + 3 })
    const holders = answers.filter(text => text === 'held').length
    result[holders === 1 ? 'oneHolder' : holders === 0 ? 'noHolder' : 'severalHolders']++
    for (const text of answers) {
      if (text !== 'held' && text !== 'LOCKED') result.otherErrors[text] = (result.otherErrors[text] ?? 0) + 1
    }
    await ask({ release: true })
    result.leftFiles += readdirSync(folder).length
    rmSync(folder, { recursive: true })
  }
  for (const child of children) child.disconnect()
  rmSync(scratch, { recursive: true })
  console.log(JSON.stringify(result))
  process.exitCode = result.oneHolder === rounds && result.leftFiles === 0 ? 0 : 1
}

if (process.argv[2] === 'contend') await contend()
else await main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 4))
