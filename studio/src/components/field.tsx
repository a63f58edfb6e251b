/** A control with its label and a line of explanation. */
import type { ComponentChildren } from 'preact'

export interface FieldProps {
  readonly id: string
  readonly label: string
  readonly note?: string | undefined
  readonly children: ComponentChildren
}

export function Field({ id, label, note, children }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {note !== undefined && (
        <p class="note" id={`${id}-note`}>
          {note}
        </p>
      )}
    </div>
  )
}
