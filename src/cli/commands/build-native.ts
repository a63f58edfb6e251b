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
    compiler: text('--compiler <name>', 'C++ compiler', {
      default: 'the first of g++, c++ and clang++ that is installed',
    }),
  },
  examples: ['diffwave build-native'],
})
