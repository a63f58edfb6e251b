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

/** The bytes of a file; the problem if it is empty, a folder or gone. */
async function sourceOf(file: File): Promise<SourceFile | StudioProblem> {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer())
    if (bytes.length > 0) return { name: file.name, bytes }
    return new StudioProblem({ code: 'EMPTY', title: `${file.name} is empty.`, hint: 'Choose another file.' })
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
  const [note, setNote] = useState('')
  const take = async (files: FileList | null | undefined) => {
    const given = [...(files ?? [])]
    const chosen = given.slice(0, multiple ? undefined : 1)
    if (chosen.length === 0) return
    const turn = ++turns.current
    setProblem(null)
    setNote('')
    const read = await Promise.all(chosen.map(sourceOf))
    // A large file would take the place of one that was dropped after it.
    if (!multiple && turn !== turns.current) return
    const sources = read.flatMap(one => (one instanceof StudioProblem ? [] : [one]))
    if (sources.length > 0) onFiles(sources)
    setProblem(read.find(one => one instanceof StudioProblem) ?? null)
    const isPart = given.length > chosen.length && sources.length > 0
    setNote(isPart ? `Only ${chosen[0]!.name} was taken: this is a place for one file.` : '')
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
      {/* Always there: of a region that appears together with its text, screen readers may say nothing. */}
      <p class="note" role="status">
        {note}
      </p>
      <ProblemNote problem={problem} />
      {children}
    </fieldset>
  )
}
