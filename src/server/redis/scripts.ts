/**
 * Lua scripts, which Redis runs atomically, so that services and workers never see half a change.
 *
 * Keys of a job: the hash `job:ID` (state, times, attempt, last event), `…:body`, the stream `…:events` whose ids are
 * the events' numbers, the list `…:files` (JSON), and `…:file:N` with the bytes of the N-th file. The hash `jobs` is
 * the index: for each job `state until bytes client`, after `until` (milliseconds) the entry is void. All keys share
 * the hash tag {diffwave}, so that a Redis Cluster keeps them on one node. The hash `workers` has the models of each
 * worker that is there: `until models`.
 *
 * A worker's writes name the attempt they belong to. They change nothing once the job was given to another worker,
 * cancelled or ended. They can be sent twice, as happens if a connection breaks: bytes have an offset and events a
 * number.
 */
import { MAX_JOB_EVENTS } from '../limits.js'

export const INDEX_KEY = '{diffwave}:jobs'
export const JOB_KEY = '{diffwave}:job:'
const WORKERS_KEY = '{diffwave}:workers'

/** KEYS: index, prefix of jobs. */
const common = `
local function keyOf(id) return KEYS[2] .. id end
local function note(id, state, till, bytes, client)
  redis.call('HSET', KEYS[1], id, string.format('%s %.0f %.0f %s', state, till, bytes, client))
end
local function noted(id)
  local text = redis.call('HGET', KEYS[1], id)
  if not text then return nil end
  local state, till, bytes, client = string.match(text, '^(%a+) (%d+) (%d+) (.*)$')
  return state, tonumber(till), tonumber(bytes), client
end
local function dropFiles(key)
  for i = 0, tonumber(redis.call('HGET', key, 'opened') or '0') - 1 do redis.call('UNLINK', key .. ':file:' .. i) end
  redis.call('UNLINK', key .. ':files')
  redis.call('HSET', key, 'opened', 0)
end
local function forget(id)
  local key = keyOf(id)
  dropFiles(key)
  redis.call('UNLINK', key, key .. ':body', key .. ':events')
  redis.call('HDEL', KEYS[1], id)
end
local function keep(key, milliseconds)
  redis.call('PEXPIRE', key, milliseconds)
  for _, part in ipairs({':body', ':events', ':files'}) do redis.call('PEXPIRE', key .. part, milliseconds) end
  for i = 0, tonumber(redis.call('HGET', key, 'opened') or '0') - 1 do
    redis.call('PEXPIRE', key .. ':file:' .. i, milliseconds)
  end
end
local function tell(key, number, name, data)
  local last = redis.call('HMGET', key, 'lastEvent', 'lastName')
  if name == 'progress' and last[2] == 'progress' then redis.call('XDEL', key .. ':events', last[1] .. '-0') end
  redis.call('XADD', key .. ':events', 'MAXLEN', '~', ${MAX_JOB_EVENTS},
    string.format('%.0f-0', number), 'name', name, 'data', data)
  redis.call('HSET', key, 'lastEvent', number, 'lastName', name)
end
-- Forgets ended jobs, the oldest first, until there is room. If forgetting all of them is not enough, it forgets none.
local function makeRoom(now, more, limit, maxJobs)
  local total, count, ended, endedBytes = more, 0, {}, 0
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local state, till, bytes = string.match(all[i + 1], '^(%a+) (%d+) (%d+) ')
    if tonumber(till) <= now then forget(all[i])
    else
      total, count = total + tonumber(bytes), count + 1
      if state == 'ended' then
        table.insert(ended, {id = all[i], till = tonumber(till), bytes = tonumber(bytes)})
        endedBytes = endedBytes + tonumber(bytes)
      end
    end
  end
  if total - endedBytes > limit or count - #ended >= maxJobs then return false end
  table.sort(ended, function(a, b) return a.till < b.till end)
  for _, job in ipairs(ended) do
    if total <= limit and count < maxJobs then break end
    forget(job.id)
    total, count = total - job.bytes, count - 1
  end
  return true
end
`

/** As `common`, for a worker's writes. ARGV: id, attempt, now. Returns 0 if the attempt no longer holds the job. */
const held = `${common}
local key, now = keyOf(ARGV[1]), tonumber(ARGV[3])
if redis.call('HGET', key, 'attempt') ~= ARGV[2] or redis.call('HGET', key, 'state') ~= 'running' then return 0 end
`

/**
 * Admits a job, still without its body.
 *
 * ARGV: id, now, client, bytes of the body, waiting jobs, jobs of a client, jobs in all, bytes in all, milliseconds to
 * arrive, kind, order. Returns a code and the number that was too high.
 */
export const ADMIT = `${common}
local id, now, client, bytes = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local waiting, own = 0, 0
local all = redis.call('HVALS', KEYS[1])
for _, text in ipairs(all) do
  local state, till, _, other = string.match(text, '^(%a+) (%d+) (%d+) (.*)$')
  if tonumber(till) > now then
    if state == 'waiting' then waiting = waiting + 1 end
    if state ~= 'ended' and other == client then own = own + 1 end
  end
end
if own >= tonumber(ARGV[6]) then return {'client', own + 1} end
if waiting >= tonumber(ARGV[5]) then return {'queue', waiting + 1} end
if not makeRoom(now, bytes, tonumber(ARGV[8]), tonumber(ARGV[7])) then return {'room', 0} end
local key = keyOf(id)
redis.call('HSET', key, 'state', 'arriving', 'kind', ARGV[10], 'order', ARGV[11], 'created', now, 'attempt', 0,
  'passes', 0, 'lastEvent', 0, 'lastName', '', 'progress', 0, 'bodyBytes', bytes, 'opened', 0)
redis.call('PEXPIRE', key, ARGV[9])
note(id, 'waiting', now + tonumber(ARGV[9]), bytes, client)
return {'ok', 0}
`

/** Keeps a job whose body has arrived. ARGV: id, now, milliseconds to wait for a worker. */
export const CONFIRM = `${common}
local key = keyOf(ARGV[1])
if redis.call('HGET', key, 'state') ~= 'arriving' then return 0 end
redis.call('HSET', key, 'state', 'queued')
local _, _, bytes, client = noted(ARGV[1])
note(ARGV[1], 'waiting', tonumber(ARGV[2]) + tonumber(ARGV[3]), bytes, client)
keep(key, ARGV[3])
return 1
`

/**
 * Gives a job to a worker, and deletes what an earlier worker made. ARGV: id, now, milliseconds to keep it. Returns
 * attempt, passes, refusals, last event, kind, time of creation and order, or nothing if the job is not there or has
 * ended.
 */
export const CLAIM = `${common}
local key = keyOf(ARGV[1])
local state = redis.call('HGET', key, 'state')
local _, _, _, client = noted(ARGV[1])
if not client or (state ~= 'arriving' and state ~= 'queued' and state ~= 'running') then return nil end
dropFiles(key)
local attempt = redis.call('HINCRBY', key, 'attempt', 1)
redis.call('HSET', key, 'state', 'running', 'started', ARGV[2], 'progress', 0)
local rest = redis.call('HMGET', key, 'bodyBytes', 'passes', 'refusals', 'lastEvent', 'kind', 'created', 'order')
note(ARGV[1], 'running', tonumber(ARGV[2]) + tonumber(ARGV[3]), tonumber(rest[1]), client)
keep(key, ARGV[3])
return {tostring(attempt), rest[2], rest[3] or '0', rest[4], rest[5], rest[6], rest[7]}
`

/** Whether an attempt still holds its job. ARGV: id, attempt, now. */
export const HELD = `${held}
return 1
`

/**
 * Writes bytes of a file. ARGV: id, attempt, now, number of the file, offset, bytes, bytes that the file will have at
 * least, bytes in all, milliseconds to keep them. Returns -1 if there is no room.
 */
export const WRITE = `${held}
local file, size = key .. ':file:' .. ARGV[4], #ARGV[6]
local there = redis.call('STRLEN', file)
local more = tonumber(ARGV[5]) + size - there
if more > 0 then
  if not makeRoom(now, tonumber(ARGV[7]) - there, tonumber(ARGV[8]), math.huge) then return -1 end
  local state, till, bytes, client = noted(ARGV[1])
  note(ARGV[1], state, till, bytes + more, client)
end
if tonumber(redis.call('HGET', key, 'opened')) <= tonumber(ARGV[4]) then
  redis.call('HSET', key, 'opened', tonumber(ARGV[4]) + 1)
end
redis.call('SETRANGE', file, ARGV[5], ARGV[6])
redis.call('PEXPIRE', file, ARGV[9])
return 1
`

/**
 * Adds an event. ARGV: id, attempt, now, number, name, data, milliseconds to keep it, progress or nothing, complete
 * file as JSON or nothing.
 */
export const TELL = `${held}
local number = tonumber(ARGV[4])
if number > tonumber(redis.call('HGET', key, 'lastEvent')) then
  if ARGV[8] ~= '' then redis.call('HSET', key, 'progress', ARGV[8]) end
  if ARGV[9] ~= '' then redis.call('RPUSH', key .. ':files', ARGV[9]) end
  tell(key, number, ARGV[5], ARGV[6])
  redis.call('PEXPIRE', key .. ':events', ARGV[7])
  redis.call('PEXPIRE', key .. ':files', ARGV[7])
end
return 1
`

/**
 * Ends a job. ARGV: id, attempt, now, number and data of the event, state, problem or nothing, milliseconds to keep it.
 */
export const FINISH = `${held}
tell(key, tonumber(ARGV[4]), 'state', ARGV[5])
redis.call('HSET', key, 'state', ARGV[6], 'finished', now, 'problem', ARGV[7])
if ARGV[6] == 'done' then redis.call('HSET', key, 'progress', 1) end
redis.call('UNLINK', key .. ':body')
local _, _, bytes, client = noted(ARGV[1])
local kept = bytes - tonumber(redis.call('HGET', key, 'bodyBytes'))
note(ARGV[1], 'ended', now + tonumber(ARGV[8]), math.max(0, kept), client)
keep(key, ARGV[8])
return 1
`

/**
 * Puts a job back for another worker. ARGV: id, attempt, now, number and data of the event or nothing, milliseconds to
 * wait, refusals.
 */
export const PUT_BACK = `${held}
if ARGV[5] ~= '' then tell(key, tonumber(ARGV[4]), 'state', ARGV[5]) end
dropFiles(key)
redis.call('HSET', key, 'state', 'queued', 'progress', 0, 'refusals', ARGV[7])
redis.call('HDEL', key, 'started')
redis.call('HINCRBY', key, 'passes', 1)
local _, _, _, client = noted(ARGV[1])
note(ARGV[1], 'waiting', now + tonumber(ARGV[6]), tonumber(redis.call('HGET', key, 'bodyBytes')), client)
keep(key, ARGV[6])
return 1
`

/**
 * Cancels a job if it has not ended, and forgets it. ARGV: id, now, data of the event, milliseconds for its watchers.
 */
export const REMOVE = `${common}
local key = keyOf(ARGV[1])
local state = redis.call('HGET', key, 'state')
if not state or redis.call('HGET', key, 'gone') then return 0 end
if state == 'arriving' or state == 'queued' or state == 'running' then
  tell(key, tonumber(redis.call('HGET', key, 'lastEvent')) + 1, 'state', ARGV[3])
  redis.call('HSET', key, 'state', 'cancelled', 'finished', ARGV[2])
end
dropFiles(key)
redis.call('UNLINK', key .. ':body')
redis.call('HSET', key, 'gone', 1)
redis.call('HDEL', KEYS[1], ARGV[1])
keep(key, ARGV[4])
return 1
`

/** KEYS: as above. Times are those of the server. */
const workers = `
local workers = '${WORKERS_KEY}'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/** Puts a worker on the list, or renews its entry. ARGV: id, milliseconds that this holds, its models as JSON. */
export const SHOW = `${workers}
redis.call('HSET', workers, ARGV[1], string.format('%.0f %s', now + tonumber(ARGV[2]), ARGV[3]))
if redis.call('PTTL', workers) < tonumber(ARGV[2]) then redis.call('PEXPIRE', workers, ARGV[2]) end
return 1
`

/** Returns id and models of each running worker in turn. Removes those that are gone. */
export const PRESENT = `${workers}
local all, present = redis.call('HGETALL', workers), {}
for i = 1, #all, 2 do
  local till, models = string.match(all[i + 1], '^(%d+) (.*)$')
  if tonumber(till) <= now then redis.call('HDEL', workers, all[i])
  else
    table.insert(present, all[i])
    table.insert(present, models)
  end
end
return present
`

/** Removes a worker from the list. ARGV: id. */
export const LEAVE = `${workers}
redis.call('HDEL', workers, ARGV[1])
return 1
`
