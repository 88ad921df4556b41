import type { RemoteType } from '../types/remote-types.js';
import { type RemoteOptions, TransferError } from './transfer-engine.js';

/**
 * The only options a remote may be made with, by their names in rclone. The types of remotes decide what people may
 * configure; this second wall stands where rclone is told, because one option too many (`bearer_token_command`,
 * `ssh`, `key_file`, `env_auth`) runs programs, reads files of the server or takes its identity.
 */
const KNOWN: Readonly<Record<RemoteType, readonly string[]>> = {
  local: [],
  alias: [],
  sftp: [
    'host',
    'port',
    'user',
    'pass',
    'key_pem',
    'key_file_pass',
    'set_modtime',
    'shell_type',
    'key_use_agent',
    'ask_password',
    'use_insecure_cipher',
  ],
  webdav: ['url', 'vendor', 'user', 'pass', 'bearer_token'],
  s3: [
    'provider',
    'access_key_id',
    'secret_access_key',
    'session_token',
    'region',
    'endpoint',
    'acl',
    'location_constraint',
    'server_side_encryption',
    'sse_kms_key_id',
    'storage_class',
    'force_path_style',
    'no_check_bucket',
    'env_auth',
  ],
  ftp: ['host', 'port', 'user', 'pass', 'tls', 'explicit_tls', 'no_check_certificate', 'ask_password'],
  http: ['url', 'headers', 'no_head'],
  drive: [
    'client_id',
    'client_secret',
    'scope',
    'token',
    'root_folder_id',
    'team_drive',
    'impersonate',
    'service_account_credentials',
    'use_trash',
    'skip_gdocs',
    'env_auth',
  ],
  dropbox: ['client_id', 'client_secret', 'token'],
  onedrive: ['client_id', 'client_secret', 'token', 'region', 'drive_id', 'drive_type'],
  b2: ['account', 'key', 'hard_delete'],
  azureblob: ['account', 'key', 'sas_url', 'access_tier', 'use_msi', 'use_emulator', 'env_auth'],
  gcs: [
    'client_id',
    'client_secret',
    'token',
    'service_account_credentials',
    'project_number',
    'location',
    'storage_class',
    'bucket_policy_only',
    'anonymous',
    'env_auth',
  ],
  crypt: [
    'password',
    'password2',
    'filename_encryption',
    'directory_name_encryption',
    'filename_encoding',
    'show_mapping',
  ],
  union: ['action_policy', 'create_policy', 'search_policy'],
  combine: [],
};

/** With these set to anything but false, rclone would take the server's own identity, or ask a person. */
const ONLY_FALSE: ReadonlySet<string> = new Set([
  'env_auth',
  'use_msi',
  'use_emulator',
  'key_use_agent',
  'ask_password',
  'show_mapping',
]);
const MAX_VALUE_BYTES = 32_768;

export const knownOptions = (type: RemoteType): readonly string[] => KNOWN[type];

/** Throws `TransferError` (fatal), without repeating a value, for an option rclone must not be given. */
export function refuseUnknownOptions(type: RemoteType, options: RemoteOptions): void {
  for (const [key, value] of Object.entries(options)) {
    const tooLong = typeof value === 'string' && Buffer.byteLength(value) > MAX_VALUE_BYTES;
    if (!KNOWN[type].includes(key) || (ONLY_FALSE.has(key) && value !== false) || tooLong || !isPlain(value))
      throw new TransferError('fatal', 'The remote is configured with something that is not allowed.');
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0');
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value));
}
