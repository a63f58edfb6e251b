/** What a command file gives to main: a function that adds itself to the program. */
import type { Command } from 'commander'
import type { Context } from './context.js'

/** Settings of one run that main holds for all commands. */
export interface Run {
  readonly context: Context
  readonly debug: boolean
}

/** Adds a command; `run` is called when one is carried out. */
export type AddCommand = (program: Command, run: () => Run) => void
