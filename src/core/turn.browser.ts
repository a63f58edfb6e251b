/** Long work on one thread lets others have their turn: a browser. */

/** Resolves in the next turn of the event loop. A timer would wait 4 ms when it is set again and again. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
