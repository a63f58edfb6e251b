/** Functions that a caller passes to a call to hear how it goes. */

/**
 * Called with a report while a call works. It may be async: the call then waits for its promise, unless its signal
 * fires. What it throws, or what its promise rejects with, ends the call with that very error.
 */
export type Callback<Report> = ((report: Report) => void) | ((report: Report) => Promise<void>)
