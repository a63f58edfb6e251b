/**
 * Metrics in Prometheus' text format, version 0.0.4. Written by hand: the format is a few lines, and the customary
 * package takes 5 MB.
 */

type Labels = Readonly<Record<string, string | number>>

interface Series {
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** Values by the text of name and labels, in the order of their first appearance. */
  readonly values: Map<string, number>
}

/** Upper bounds of durations in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

/** Label values hold any text (format description, “Comments, help text, and type information”). */
function escaped(value: string | number): string {
  return String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function sample(name: string, labels: Labels): string {
  const parts = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`)
  return parts.length === 0 ? name : `${name}{${parts.join(',')}}`
}

export class Metrics {
  readonly #series = new Map<string, Series>()

  /** Adds to a counter. */
  count(name: string, help: string, labels: Labels = {}, by = 1): void {
    this.#add(this.#of(name, help, 'counter'), sample(name, labels), by)
  }

  /** Sets a counter that is kept elsewhere. */
  total(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#of(name, help, 'counter').values.set(sample(name, labels), value)
  }

  /** Sets a gauge. */
  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#of(name, help, 'gauge').values.set(sample(name, labels), value)
  }

  /** Adds a duration in seconds to a histogram. */
  observe(name: string, help: string, seconds: number, labels: Labels = {}): void {
    const series = this.#of(name, help, 'histogram')
    for (const bound of [...BUCKETS, Number.POSITIVE_INFINITY]) {
      const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : bound
      this.#add(series, sample(`${name}_bucket`, { ...labels, le }), seconds <= bound ? 1 : 0)
    }
    this.#add(series, sample(`${name}_sum`, labels), seconds)
    this.#add(series, sample(`${name}_count`, labels), 1)
  }

  /** Everything as text. */
  text(): string {
    const lines: string[] = []
    for (const [name, { help, type, values }] of this.#series) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
      for (const [key, value] of values) lines.push(`${key} ${value}`)
    }
    return `${lines.join('\n')}\n`
  }

  #of(name: string, help: string, type: Series['type']): Series {
    let series = this.#series.get(name)
    if (series === undefined) {
      series = { help, type, values: new Map() }
      this.#series.set(name, series)
    }
    return series
  }

  #add({ values }: Series, key: string, by: number): void {
    values.set(key, (values.get(key) ?? 0) + by)
  }
}
