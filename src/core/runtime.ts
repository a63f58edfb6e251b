/** The program that runs this one. Bun and Deno imitate Node.js, and name a version of it as theirs. */
const { bun, deno, node } = process.versions

/** Name and version of the runtime. */
export function runtimeName(): string {
  if (bun !== undefined) return `Bun ${bun}`
  return deno !== undefined ? `Deno ${deno}` : `Node.js ${node}`
}
