#!/usr/bin/env node
/** The command line: a thin skin over the library. This file turns errors and signals into exit statuses. */
import { Ending } from './ending.js'
import { globalOptionsOf, run } from './run.js'

const argv = process.argv.slice(2)
void run(argv, new Ending(globalOptionsOf(argv))).then(status => {
  process.exitCode = status
})
