/** What options say of the numbers of a mel: a convention by name or file, a logarithm, statistics. */
import { extname } from 'node:path'
import { conventionSchema, type MelConvention } from '../../audio/mel/convention.js'
import { conventionWith, type MelLogarithm, type MelNumbers } from '../../audio/mel/rescale.js'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { check } from '../../core/options.js'
import { kindOfPath } from '../../core/path-kind.js'
import { suggestion } from '../../core/suggest.js'
import { readMelStatistics } from '../../formats/mel-statistics.js'
import { readJson } from '../../model/folder.js'
import { conventionChoices } from '../choices.js'

/** The values of `--mel-log` and `--mel-stats`. @throws DiffWaveError as `readMelStatistics` */
export async function melNumbers(
  logarithm: MelLogarithm | undefined,
  statisticsPath: string | undefined,
): Promise<MelNumbers> {
  if (statisticsPath === undefined) return defined({ logarithm })
  return { ...defined({ logarithm }), statistics: await readMelStatistics(statisticsPath) }
}

/**
 * A convention by its name, from a JSON file that spells one out, or from a model's `config.json`.
 *
 * @param where names the option in errors
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG`, and as `readJson`, which reads every name with an extension
 */
export async function namedConvention(text: string, where: string): Promise<MelConvention> {
  if ((conventionChoices as readonly string[]).includes(text)) return conventionSchema.parse(text)
  if ((await kindOfPath(text)) !== 'file' && extname(text) === '') {
    throw new DiffWaveError('BAD_OPTION', 'unknown mel convention', {
      expected: `one of ${conventionChoices.join(', ')}, or a JSON file`,
      got: text,
      where,
      ...suggestion(text, conventionChoices),
    })
  }
  const json = await readJson(text)
  const mel = typeof json === 'object' && json !== null && 'mel' in json ? json.mel : json
  return check(conventionSchema, mel, text, 'BAD_CONFIG')
}

/** A convention in the numbers that options name; itself if they name none. */
export async function inNumbers(
  convention: MelConvention,
  logarithm: MelLogarithm | undefined,
  statisticsPath: string | undefined,
): Promise<MelConvention> {
  if (logarithm === undefined && statisticsPath === undefined) return convention
  return conventionWith(convention, await melNumbers(logarithm, statisticsPath))
}
