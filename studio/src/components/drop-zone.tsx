/** Takes files: dropped, or chosen from a dialog. */
import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { SourceFile } from '../backend/studio-backend.js'
import { StudioProblem } from '../core/problem.js'
import { ProblemNote } from './problem-note.js'

export interface DropZoneProps {
  /** What may be dropped, as `a recording`. */
  readonly what: string
  /** Endings for the dialog, as `.wav,.flac`. */
  readonly accept: string
  readonly multiple?: boolean
  readonly onFiles: (files: readonly SourceFile[]) => void
  readonly children?: ComponentChildren
}

/** Endings of recordings, and of mels. */
export const RECORDINGS = 'audio/*,.wav,.flac,.mp3,.ogg,.opus'
export const MELS = '.npy,.npz,.safetensors,.pt'

/** The bytes of a file; the problem if it is a folder or gone. */
async function sourceOf(file: File): Promise<SourceFile | StudioProblem> {
  try {
    return { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) }
  } catch {
    return new StudioProblem({
      code: 'UNREADABLE',
      title: `${file.name} cannot be read.`,
      hint: 'If it is a folder, drop the files in it.',
    })
  }
}

export function DropZone({ what, accept, multiple = false, onFiles, children }: DropZoneProps) {
  const input = useRef<HTMLInputElement>(null)
  const turns = useRef(0)
  const [over, setOver] = useState(false)
  const [problem, setProblem] = useState<StudioProblem | null>(null)
  const take = async (files: FileList | null | undefined) => {
    const chosen = [...(files ?? [])].slice(0, multiple ? undefined : 1)
    if (chosen.length === 0) return
    const turn = ++turns.current
    setProblem(null)
    const read = await Promise.all(chosen.map(sourceOf))
    // A large file would take the place of one that was dropped after it.
    if (!multiple && turn !== turns.current) return
    const sources = read.flatMap(one => (one instanceof StudioProblem ? [] : [one]))
    if (sources.length > 0) onFiles(sources)
    setProblem(read.find(one => one instanceof StudioProblem) ?? null)
  }
  return (
    <fieldset
      aria-label={`Files: ${what}`}
      class={over ? 'drop over' : 'drop'}
      onDragOver={event => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        event.preventDefault()
        setOver(false)
        void take(event.dataTransfer?.files)
      }}
    >
      <p>
        Drop {what} here, or{' '}
        <button type="button" class="link" onClick={() => input.current!.click()}>
          choose {multiple ? 'files' : 'a file'}
        </button>
        .
      </p>
      <input
        ref={input}
        type="file"
        accept={accept}
        multiple={multiple}
        hidden
        aria-label={`File: ${what}`}
        onChange={event => {
          void take(event.currentTarget.files)
          event.currentTarget.value = ''
        }}
      />
      <ProblemNote problem={problem} />
      {children}
    </fieldset>
  )
}
