import { defineCommand } from '../command.js'

export const command = defineCommand({
  name: 'doctor',
  summary: 'List the engines that run on this machine, and say why others do not',
  group: 'This machine',
  arguments: [],
  options: {},
  examples: ['diffwave doctor'],
})
