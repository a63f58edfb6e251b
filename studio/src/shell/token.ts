/** The token of a service that asks for one, kept as long as the tab is open. */
const KEY = 'diffwave-studio-token'

export class Token {
  #value = ''

  constructor() {
    try {
      this.#value = sessionStorage.getItem(KEY) ?? ''
    } catch {
      // Storage may be forbidden.
    }
  }

  get value(): string {
    return this.#value
  }

  set(value: string): void {
    this.#value = value
    try {
      sessionStorage.setItem(KEY, value)
    } catch {
      // Then it lasts as long as the page.
    }
  }
}
