/**
 * The commands, in the order of the help. Each is loaded when it runs or its own help is shown: `diffwave --help` needs
 * names and summaries only.
 */
import type { Command } from './command.js'

/** What the help lists of a command, and the command itself. */
export interface CommandEntry extends Pick<Command, 'name' | 'summary' | 'group'> {
  /** Its arguments, in commander's notation. */
  readonly usage: string
  readonly load: () => Promise<{ readonly command: Command }>
}

export const commands: readonly CommandEntry[] = [
  {
    name: 'synthesize',
    usage: '<mel...>',
    summary: 'Audio from mel spectrograms',
    group: 'Make audio',
    load: () => import('./commands/synthesize.js'),
  },
  {
    name: 'resynthesize',
    usage: '<recording...>',
    summary: 'Copies of recordings that a vocoder makes from their mels',
    group: 'Make audio',
    load: () => import('./commands/resynthesize.js'),
  },
  {
    name: 'generate',
    usage: '',
    summary: 'Clips from noise alone, or from a label',
    group: 'Make audio',
    load: () => import('./commands/generate.js'),
  },
  {
    name: 'inpaint',
    usage: '<recording...>',
    summary: 'Recordings with their gaps filled',
    group: 'Repair recordings',
    load: () => import('./commands/inpaint.js'),
  },
  {
    name: 'denoise',
    usage: '<recording...>',
    summary: 'Recordings without their noise',
    group: 'Repair recordings',
    load: () => import('./commands/denoise.js'),
  },
  {
    name: 'interpolate',
    usage: '<first> <second>',
    summary: 'A recording between two others of equal length',
    group: 'Repair recordings',
    load: () => import('./commands/interpolate.js'),
  },
  {
    name: 'mel',
    usage: '<recording...>',
    summary: 'Mel spectrograms of recordings',
    group: 'Mels and models',
    load: () => import('./commands/mel.js'),
  },
  {
    name: 'convert',
    usage: '<checkpoint>',
    summary: 'Model folder from a PyTorch checkpoint',
    group: 'Mels and models',
    load: () => import('./commands/convert.js'),
  },
  {
    name: 'export',
    usage: '<model>',
    summary: 'File for other programs: safetensors, PyTorch, ONNX or Triton',
    group: 'Mels and models',
    load: () => import('./commands/export.js'),
  },
  {
    name: 'inspect',
    usage: '<path...>',
    summary: 'Facts of mels, recordings, checkpoints and models',
    group: 'Mels and models',
    load: () => import('./commands/inspect.js'),
  },
  {
    name: 'train',
    usage: '<config>',
    summary: 'A model trained on folders of recordings',
    group: 'Train and evaluate',
    load: () => import('./commands/train.js'),
  },
  {
    name: 'evaluate',
    usage: '',
    summary: 'Report on how close a vocoder’s copies or a generator’s clips come to real sound',
    group: 'Train and evaluate',
    load: () => import('./commands/evaluate.js'),
  },
  {
    name: 'tune',
    usage: '<recording...>',
    summary: 'Noise schedules for few steps, optimised on some recordings',
    group: 'Train and evaluate',
    load: () => import('./commands/tune.js'),
  },
  {
    name: 'serve',
    usage: '',
    summary: 'A service over HTTP',
    group: 'Serve',
    load: () => import('./commands/serve.js'),
  },
  {
    name: 'studio',
    usage: '',
    summary: 'A page to watch and hear noise become sound',
    group: 'Serve',
    load: () => import('./commands/studio.js'),
  },
  {
    name: 'worker',
    usage: '',
    summary: 'A worker that does the jobs of `diffwave serve --redis`',
    group: 'Serve',
    load: () => import('./commands/worker.js'),
  },
  {
    name: 'build-native',
    usage: '',
    summary: 'Native engine, compiled from the shipped source',
    group: 'This machine',
    load: () => import('./commands/build-native.js'),
  },
  {
    name: 'doctor',
    usage: '',
    summary: 'Engines that run on this machine, and why others do not',
    group: 'This machine',
    load: () => import('./commands/doctor.js'),
  },
]

/** All commands, loaded. */
export function loadCommands(): Promise<readonly Command[]> {
  return Promise.all(commands.map(async ({ load }) => (await load()).command))
}
