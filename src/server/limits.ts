/**
 * Every bound of the service, with its reason. Those in `defaultLimits` can be changed by options; the others hold for
 * every service.
 */

/** What one service accepts and keeps. */
export interface ServiceLimits {
  /** Bytes of a request's body. */
  readonly bodyBytes: number
  /** Bytes of all bodies that are being received or wait for their turn. By default not below `bodyBytes`. */
  readonly uploadBytes: number
  /** Seconds of audio that a request may send or ask for. */
  readonly seconds: number
  /** Seconds that the work of a request may take, without its time in the queue and the time that its reader takes. */
  readonly workSeconds: number
  /** Requests that are worked on at the same time. */
  readonly parallel: number
  /** Requests that wait for their turn; more are refused. */
  readonly queue: number
  /** Requests of one client that wait or are worked on. */
  readonly perClient: number
  /** Requests of one client per minute, of whatever kind; 0: any number. */
  readonly requestsPerMinute: number
  /** Open connections of one client; 0: any number. Behind a trusted proxy all are the proxy's, and none is counted. */
  readonly connectionsPerClient: number
  /** Bytes of loaded models that are kept for later requests. */
  readonly modelBytes: number
  /** Bytes of all jobs' results. */
  readonly resultBytes: number
  /** Seconds that a finished job and its results are kept. */
  readonly resultSeconds: number
}

export const defaultLimits: ServiceLimits = {
  // Twelve minutes of 16-bit mono at 22,050 Hz, or an hour of a float32 mel of 80 bands and hop 256.
  bodyBytes: 32 * 2 ** 20,
  // What 16 clients send at most: memory does not grow with the number of connections.
  uploadBytes: 512 * 2 ** 20,
  seconds: 600,
  workSeconds: 300,
  // One engine does one piece of work at a time with all its threads; a second request fills the pauses.
  parallel: 2,
  queue: 64,
  perClient: 32,
  // A page that shows fifty steps asks for two hundred files.
  requestsPerMinute: 3000,
  // It takes eight clients to use up all connections. Forty browsers behind one address stay below: each opens six.
  connectionsPerClient: 256,
  modelBytes: 2 ** 30,
  resultBytes: 512 * 2 ** 20,
  resultSeconds: 900,
}

/** Clips of one `generate` job: what a page shows at once. */
export const MAX_JOB_CLIPS = 64
/** Bytes of the steps that one `process` job keeps: 50 steps of 10 s at 22,050 Hz take 132 MB. */
export const MAX_STEP_BYTES = 160 * 2 ** 20
/** Seconds of audio in operations for studying: a page shows no more, and comparing takes a tenth of it. */
export const MAX_STUDY_SECONDS = 60
/** Jobs that are kept, finished ones included. */
export const MAX_JOBS = 1000
/** Events that a job keeps for clients that come back: progress is merged, so that steps and files are most of them. */
export const MAX_JOB_EVENTS = 5000
/** Seconds between two progress events of a job, at least: a page shows no more. */
export const PROGRESS_SECONDS = 0.1
/** Seconds between two comments on an idle stream of events: proxies close connections that are silent for a minute. */
export const KEEP_ALIVE_SECONDS = 15
/** Bytes of options in JSON: those of every route fit into a hundredth. */
export const MAX_JSON_BYTES = 65_536
/** Characters of a request's address: the options of every route fit into a tenth. */
export const MAX_URL_CHARACTERS = 8192
/** Bytes of a request's headers: Node's own default. */
export const MAX_HEADER_BYTES = 16_384
/** Characters of a fact in an answer's headers: many proxies take 4 kB of headers, Node's client 16 kB. */
export const MAX_FACT_CHARACTERS = 1024
/** Seconds for a request's headers, and for all of it: 32 MiB in a minute are 4.5 Mbit/s. */
export const HEADER_SECONDS = 10
export const REQUEST_SECONDS = 60
/** Open connections of all clients. */
export const MAX_CONNECTIONS = 2048
/** Bytes of a result that wait for a slow reader before the work pauses. */
export const MAX_UNREAD_BYTES = 8 * 2 ** 20
/** Seconds that a reader may take nothing before its connection is cut and its work stopped. */
export const STALLED_SECONDS = 60
/** Seconds for the last bytes of a connection that the service ends. */
export const LAST_BYTES_SECONDS = 1
/** Seconds after which the decoding of one body is given up. */
export const DECODE_SECONDS = 60
/** Seconds that a stopping service waits for work in hand, by default. */
export const DRAIN_SECONDS = 30
/** Bytes of a training run's log that one answer covers: 100,000 steps. The next answer has what follows. */
export const MAX_LOG_BYTES = 16 * 2 ** 20
/** Bytes of a run's log or event file that are read at a time. */
export const LOG_PIECE_BYTES = 2 ** 20
/** Event files whose clips are known: a run has one for each time it was started. */
export const MAX_EVENT_FILES = 1000
/** Bytes of one event of a training run with clips to hear: 24 minutes of 16-bit sound at 22,050 Hz. */
export const MAX_CLIP_RECORD_BYTES = 64 * 2 ** 20
/** Seconds to connect to Redis: other machines of a data centre answer within milliseconds. */
export const CONNECT_SECONDS = 10
/** Seconds that a Redis server has to take note of the end of a connection. One that is gone never does. */
export const DISCONNECT_SECONDS = 0.1
/** Seconds after which a service gives up on a Redis command; a body of 32 MiB takes 0.3 s at 1 Gbit/s. */
export const REDIS_SECONDS = 10
/** Seconds between attempts to reach a Redis server that went away, at most. */
export const MAX_RECONNECT_SECONDS = 2
/** Seconds that a job may take to arrive in Redis: longer than any request may last. */
export const ARRIVAL_SECONDS = 2 * REQUEST_SECONDS
/** Seconds that a job waits for a worker in Redis: a day in which all workers may be down. */
export const UNCLAIMED_SECONDS = 86_400
/** Seconds that a removed job stays in Redis, for those who watch it. */
export const REMOVED_SECONDS = 10
/** Bytes of one file in Redis: half of what Redis holds in one value, and a service answers with a file as a whole. */
export const MAX_REDIS_FILE_BYTES = 256 * 2 ** 20
/** Bytes of a file in Redis that a service reads at a time. */
export const READ_BYTES = 2 ** 20
/** Bytes of a result that a worker collects before it sends them: two seconds of 32-bit audio at 32,000 Hz. */
export const SEND_BYTES = 256 * 2 ** 10
/** Seconds between two looks at the events of a job in Redis: nobody sees the difference, and it costs little. */
export const EVENT_POLL_SECONDS = 0.2
/** Events that one look takes. */
export const MAX_POLLED_EVENTS = 500
/** Seconds between two questions of a worker whether its job was cancelled. */
export const HELD_POLL_SECONDS = 1
/**
 * Seconds after which a silent worker counts as dead, by default: it shows itself twice in this time, and jobs of dead
 * workers are searched for as often. Such a job starts again after 10 to 20 s.
 */
export const WORKER_LOCK_SECONDS = 10
/** Workers that one job may take down with it, as by using up all memory, before it fails. */
export const MAX_ATTEMPTS = 3
/**
 * Times in a row that a job is refused while no worker is there that could do it, before it fails: with the default
 * lock some 10 s, in which such a worker may start again.
 */
export const MAX_REFUSALS = 6
/** Seconds before a job that was handed on once is offered again; each further time it takes twice as long. */
export const PASS_SECONDS = 0.5
/** The longest of these delays, as a share of the lock: 2 s with the default. */
export const MAX_PASS_SHARE = 0.2
/**
 * A worker that is offered a job again waits longer than that by this share of the lock, so that any other free worker
 * takes it first. Both shares together stay below the quarter of the lock after which it would be renewed.
 */
export const SIT_OUT_SHARE = 0.04
/** Seconds that a stopping worker waits for Redis to take its jobs back. */
export const LAST_WORD_SECONDS = 3
/** Seconds that a stopping worker without jobs waits for Redis: nothing is lost, since its entry there expires. */
export const IDLE_LAST_WORD_SECONDS = 0.5
/** Seconds between two looks of a stopping worker whether it still has jobs. */
export const IDLE_POLL_SECONDS = 0.1
