/** Asks for the token of the service. */
import { useRef } from 'preact/hooks'
import type { Token } from './token.js'

export function TokenForm({ token, onDone }: { token: Token; onDone: () => void }) {
  const input = useRef<HTMLInputElement>(null)
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
        It is the one given to <code>diffwave studio --token</code>. It stays in this tab.
      </p>
      <div class="seed-row">
        <input ref={input} id="token" type="password" autocomplete="current-password" aria-describedby="token-note" />
        <button type="submit" class="button primary">
          Continue
        </button>
      </div>
    </form>
  )
}
