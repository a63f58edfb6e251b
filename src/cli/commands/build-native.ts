/** `diffwave build-native`: compiles the native engine if the package brings no binary for it. */
import { defined } from '../../core/defined.js'
import { defineCommand } from '../command.js'
import { text } from '../options.js'

export const command = defineCommand({
  name: 'build-native',
  summary: 'Compile the native engine from the shipped source',
  details: [
    'You need this only if `diffwave doctor` says that the native engine is not available. It takes a C++17 compiler.',
  ],
  group: 'This machine',
  arguments: [],
  options: {
    compiler: text('--compiler <name>', 'C++ compiler (default: the first of g++, c++ and clang++ that is installed)'),
  },
  examples: ['diffwave build-native'],
  run: async (context, _, { compiler }) => {
    const { buildAddon } = await import('../../engines/native/build.js')
    const path = await buildAddon({ ...defined({ compiler }), signal: context.signal })
    context.result(`built ${path}`, { built: path })
  },
})
