/**
 * meyda's build for Node by its path: the one that bundlers take by its name needs a package that meyda does not bring.
 */
declare module 'meyda/dist/node/main.js' {
  import type meyda from 'meyda'

  const object: typeof meyda.default

  export = object
}
