/** Which names of files are those of checkpoints. */

/**
 * Whether a file, by the ending of its name, is a checkpoint: a file that `torch.save` or safetensors wrote. Any other
 * name is that of a model folder.
 *
 * @param name of a file, a path, or the path of a URL
 */
export function isCheckpointName(name: string): boolean {
  return /\.(?:pt|pth|pkl|ckpt|bin|safetensors)$/i.test(name)
}
