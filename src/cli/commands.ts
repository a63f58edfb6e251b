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
    summary: 'Make audio from mel spectrograms',
    group: 'Make audio',
    load: () => import('./commands/synthesize.js'),
  },
  {
    name: 'resynthesize',
    usage: '<recording...>',
    summary: 'Copy recordings through their mels, with a vocoder',
    group: 'Make audio',
    load: () => import('./commands/resynthesize.js'),
  },
  {
    name: 'generate',
    usage: '',
    summary: 'Generate clips from noise alone, or from a label',
    group: 'Make audio',
    load: () => import('./commands/generate.js'),
  },
  {
    name: 'inpaint',
    usage: '<recording...>',
    summary: 'Fill gaps in recordings',
    group: 'Repair recordings',
    load: () => import('./commands/inpaint.js'),
  },
  {
    name: 'denoise',
    usage: '<recording...>',
    summary: 'Remove noise from recordings',
    group: 'Repair recordings',
    load: () => import('./commands/denoise.js'),
  },
  {
    name: 'interpolate',
    usage: '<first> <second>',
    summary: 'Interpolate between two recordings of equal length',
    group: 'Repair recordings',
    load: () => import('./commands/interpolate.js'),
  },
  {
    name: 'mel',
    usage: '<recording...>',
    summary: 'Compute mel spectrograms of recordings, or convert mels',
    group: 'Mels and models',
    load: () => import('./commands/mel.js'),
  },
  {
    name: 'convert',
    usage: '<checkpoint>',
    summary: 'Convert a PyTorch checkpoint to a model folder',
    group: 'Mels and models',
    load: () => import('./commands/convert.js'),
  },
  {
    name: 'export',
    usage: '<model>',
    summary: 'Export a model to safetensors, PyTorch, ONNX or Triton',
    group: 'Mels and models',
    load: () => import('./commands/export.js'),
  },
  {
    name: 'inspect',
    usage: '<path...>',
    summary: 'Describe mels, recordings, checkpoints and models',
    group: 'Mels and models',
    load: () => import('./commands/inspect.js'),
  },
  {
    name: 'train',
    usage: '<config>',
    summary: 'Train a model on folders of recordings',
    group: 'Train and evaluate',
    load: () => import('./commands/train.js'),
  },
  {
    name: 'evaluate',
    usage: '',
    summary: 'Measure how close the sound of a model comes to recordings',
    group: 'Train and evaluate',
    load: () => import('./commands/evaluate.js'),
  },
  {
    name: 'tune',
    usage: '<recording...>',
    summary: 'Find better noise schedules for few steps, using recordings',
    group: 'Train and evaluate',
    load: () => import('./commands/tune.js'),
  },
  {
    name: 'serve',
    usage: '',
    summary: 'Serve models over HTTP',
    group: 'Serve',
    load: () => import('./commands/serve.js'),
  },
  {
    name: 'studio',
    usage: '',
    summary: 'Serve a page that shows and plays how noise becomes sound',
    group: 'Serve',
    load: () => import('./commands/studio.js'),
  },
  {
    name: 'worker',
    usage: '',
    summary: 'Process the jobs of `diffwave serve --redis`',
    group: 'Serve',
    load: () => import('./commands/worker.js'),
  },
  {
    name: 'build-native',
    usage: '',
    summary: 'Compile the native engine from the shipped source',
    group: 'This machine',
    load: () => import('./commands/build-native.js'),
  },
  {
    name: 'doctor',
    usage: '',
    summary: 'List the engines that run on this machine, and say why others do not',
    group: 'This machine',
    load: () => import('./commands/doctor.js'),
  },
]

/** All commands, loaded. */
export function loadCommands(): Promise<readonly Command[]> {
  return Promise.all(commands.map(async ({ load }) => (await load()).command))
}
