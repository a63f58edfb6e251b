/** Asks for the token of the service. */
import { useEffect, useRef } from 'preact/hooks'
import { ProblemNote } from '../components/problem-note.js'
import type { StudioProblem } from '../core/problem.js'
import type { Token } from './token.js'

export interface TokenFormProps {
  readonly token: Token
  /** Why the last one was refused; `null` if none was, or while one is tried. */
  readonly problem: StudioProblem | null
  readonly onDone: () => void
}

export function TokenForm({ token, problem, onDone }: TokenFormProps) {
  const input = useRef<HTMLInputElement>(null)
  const isWrong = problem !== null && token.value !== ''
  useEffect(() => {
    // There is nothing else to do on the page.
    input.current!.focus()
    input.current!.select()
  }, [problem])
  return (
    <form
      class="card token"
      onSubmit={event => {
        event.preventDefault()
        token.set(input.current!.value.trim())
        onDone()
      }}
    >
      <label for="token">Token of the service</label>
      <p class="note" id="token-note">
        This is the token given to <code>diffwave studio --token</code>. It stays in this tab.
      </p>
      <div class="field-row">
        <input
          ref={input}
          id="token"
          type="password"
          required
          autocomplete="current-password"
          aria-describedby="token-note"
          aria-invalid={isWrong}
        />
        <button type="submit" class="button primary">
          Continue
        </button>
      </div>
      <ProblemNote problem={isWrong ? problem : null} />
    </form>
  )
}
