/** Names with their values, side by side. */
export function FactList({ facts }: { facts: readonly (readonly [name: string, text: string])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  )
}
