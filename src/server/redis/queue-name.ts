/** The names of the queue that services and workers share in Redis. */
export const QUEUE_NAME = 'work'
/** The prefix contains the hash tag of scripts.ts. */
export const QUEUE_PREFIX = '{diffwave}'
