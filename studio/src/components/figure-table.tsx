/** Figures of several sounds in one table. */
import { figure } from './format.js'

export interface TableRow {
  readonly name: string
  readonly values: readonly (number | null | undefined)[]
}

export interface FigureTableProps {
  /** What the table says; its caption. */
  readonly caption: string
  readonly head: readonly string[]
  readonly rows: readonly TableRow[]
}

export function FigureTable({ caption, head, rows }: FigureTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section class="table" tabIndex={0} aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map(text => (
              <th key={text} scope="col">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, values }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {values.map((value, column) => (
                <td key={head[column + 1]}>{figure(value)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
