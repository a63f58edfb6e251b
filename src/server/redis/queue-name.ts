/** The names under which services and workers meet in Redis. */
export const QUEUE_NAME = 'work'
/** With the hash tag of scripts.ts. */
export const QUEUE_PREFIX = '{diffwave}'
