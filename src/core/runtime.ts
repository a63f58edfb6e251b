/** The program that runs this one. Bun and Deno imitate Node.js, and name a version of it as theirs. */
export function runtimeName(): string {
  const { bun, deno, node } = process.versions
  if (bun !== undefined) return `Bun ${bun}`
  return deno === undefined ? `Node.js ${node}` : `Deno ${deno}`
}
