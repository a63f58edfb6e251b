/** The log of a training run, `metrics.jsonl`: one JSON object per line. */

/** A line of the log. */
export type MetricsLine = Readonly<Record<string, unknown>> & { readonly step: number }

function metricsLine(line: string): MetricsLine | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'step' in value && typeof value.step === 'number'
      ? (value as MetricsLine)
      : null
  } catch {
    // The last line may be half written.
    return null
  }
}

/** The lines in order; what is not a line of a log is skipped. */
export function decodeMetrics(text: string): readonly MetricsLine[] {
  return text
    .split('\n')
    .map(metricsLine)
    .filter(line => line !== null)
}
