/** Offers the sample sentence, below a place for files. */
export function SampleNote({ before, onSample }: { before: string; onSample: () => void }) {
  return (
    <p class="note">
      {before}{' '}
      <button type="button" class="link" onClick={onSample}>
        the sample sentence
      </button>
      .
    </p>
  )
}
