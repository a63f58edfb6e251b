/**
 * Colours for a person's terminal, none for pipes and files (picocolors alone would also colour wherever CI is set).
 */
import process from 'node:process'
import pc from 'picocolors'

/** The colours of stderr, where all coloured text goes. */
export const colours = pc.createColors(process.stderr.isTTY === true && !process.env['NO_COLOR'])
