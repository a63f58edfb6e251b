/**
 * Colours for terminals, none for pipes and files unless FORCE_COLOR asks for them (picocolors alone would also use
 * colours if CI is set).
 */
import process from 'node:process'
import pc from 'picocolors'

/**
 * Whether to use colours. NO_COLOR counts most, as its definition has no exceptions. Variables that are empty count as
 * not set.
 */
export function usesColours(environment: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment
  if (NO_COLOR) return false
  if (FORCE_COLOR) return !['0', 'false'].includes(FORCE_COLOR)
  return isTerminal && TERM !== 'dumb'
}

/** The colours of stderr, where all coloured text goes. */
export const colours = pc.createColors(usesColours(process.env, process.stderr.isTTY === true))
