/** Addresses of models: `https://…/folder`, or `hf:owner/name` on a Hugging Face hub. */
import { DiffWaveError } from '../../core/errors.js'
import { isCheckpointName } from '../checkpoint-name.js'

/** A model on a plain web server. */
export interface WebAddress {
  readonly kind: 'web'
  /** URL of the folder, ending with `/`, or of a checkpoint file. */
  readonly url: URL
  /** Name of the checkpoint file; null for a model folder. */
  readonly file: string | null
}

/** A model in a hub's repository. */
export interface HubAddress {
  readonly kind: 'hub'
  /** `owner/name` of the repository. */
  readonly repository: string
  /** Branch, tag or commit. */
  readonly revision: string
  /** Folder in the repository, without slashes at its ends. Empty for the top folder. */
  readonly folder: string
  /** Name of the checkpoint file; null for a model folder. */
  readonly file: string | null
}

export type RemoteAddress = WebAddress | HubAddress

const HUB = /^hf:([\w.-]+\/[\w.-]+)((?:\/[\w.-]+)*)(?:@([\w./-]+))?$/i

/** Whether a model's name is an address. */
export function isRemote(source: string): boolean {
  return /^(?:https?:\/\/|hf:)/i.test(source)
}

/**
 * Parses an address.
 *
 * @param source a name for which `isRemote` is true
 * @throws DiffWaveError `BAD_OPTION`
 */
export function remoteAddress(source: string): RemoteAddress {
  return /^hf:/i.test(source) ? hubAddress(source) : webAddress(source)
}

function hubAddress(source: string): HubAddress {
  const match = HUB.exec(source)
  const [, repository = '', path = '', revision = 'main'] = match ?? []
  const climbs = `${repository}/${path}/${revision}`.split('/').some(part => part === '..' || part === '.')
  if (match === null || climbs) {
    throw new DiffWaveError('BAD_OPTION', 'not an address of a model on a hub', {
      expected: 'hf:owner/name, hf:owner/name/folder or hf:owner/name@revision',
      got: source,
      where: 'model',
    })
  }
  const parts = path.split('/').filter(part => part !== '')
  const file = isCheckpointName(parts.at(-1) ?? '') ? parts.pop()! : null
  return { kind: 'hub', repository, revision, folder: parts.join('/'), file }
}

function webAddress(source: string): WebAddress {
  const url = URL.canParse(source) ? new URL(source) : null
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new DiffWaveError('BAD_OPTION', 'not the URL of a model', {
      expected: 'the URL of a model folder or a checkpoint, without a name, a password or a fragment',
      where: 'model',
    })
  }
  const name = url.pathname.split('/').at(-1)!
  if (isCheckpointName(name)) return { kind: 'web', url, file: fileName(name) }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return { kind: 'web', url, file: null }
}

/** Max characters of a file name in the cache. File systems allow 255, including the suffixes during a download. */
const MAX_NAME = 100

/** Converts the last part of a URL to a file name that every system allows. */
function fileName(part: string): string {
  let name = part
  try {
    name = decodeURIComponent(part)
  } catch {
    // A percent sign that encodes nothing is an ordinary character.
  }
  return name.replace(/[^\w. -]/g, '_').slice(-MAX_NAME)
}
