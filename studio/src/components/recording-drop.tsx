/** Takes one recording. */
import type { ComponentChildren } from 'preact'
import type { SourceFile } from '../backend/studio-backend.js'
import { DropZone, RECORDINGS } from './drop-zone.js'

export interface RecordingDropProps {
  /** What may be dropped, as `a recording`. */
  readonly what: string
  readonly onFile: (file: SourceFile) => void
  readonly children?: ComponentChildren
}

export function RecordingDrop({ what, onFile, children }: RecordingDropProps) {
  return (
    <DropZone
      what={what}
      accept={RECORDINGS}
      onFiles={([file]) => {
        if (file !== undefined) onFile(file)
      }}
    >
      {children}
    </DropZone>
  )
}
