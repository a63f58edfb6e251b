/**
 * Colours for terminals, none for pipes and files (picocolors alone would also use colours if CI is set).
 */
import process from 'node:process'
import pc from 'picocolors'

/** The colours of stderr, where all coloured text goes. */
export const colours = pc.createColors(process.stderr.isTTY === true && !process.env['NO_COLOR'])
