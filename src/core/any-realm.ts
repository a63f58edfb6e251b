/**
 * Tests for values of any realm. In Jest, and in a `vm` context, what Node.js itself makes, such as the errors of its
 * file system and its buffers, is no instance of the classes that modules see.
 */

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)

export function isError(value: unknown): value is Error {
  return value instanceof Error || tagOf(value) === 'Error'
}

export function isFloat32Array(value: unknown): value is Float32Array {
  return ArrayBuffer.isView(value) && tagOf(value) === 'Float32Array'
}

export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return tagOf(value) === 'ArrayBuffer'
}

/** Whether a value is a `Blob`, or the `File` that extends it. */
export function isBlob(value: unknown): value is Blob {
  return value instanceof Blob || tagOf(value) === 'Blob' || tagOf(value) === 'File'
}

export function isUint8Array(value: unknown): value is Uint8Array {
  // A buffer of Node.js is a Uint8Array of its realm.
  return ArrayBuffer.isView(value) && tagOf(value) === 'Uint8Array'
}
