/** `diffwave build-native`: compiles the native engine where the package brings no binary for it. */
import { buildAddon } from '../../engines/native/build.js'
import type { AddCommand } from '../command.js'

export const addBuildNative: AddCommand = (program, run) => {
  program
    .command('build-native')
    .description('compiles the native engine from the shipped source, with the C++ compiler of this machine')
    .option('--compiler <name>', 'default: the first of g++, c++ and clang++ that is there')
    .action(async ({ compiler }: { compiler?: string }) => {
      const { context } = run()
      const path = await buildAddon({ ...(compiler === undefined ? {} : { compiler }), signal: context.signal })
      context.result(`built ${path}`, { built: path })
    })
}
