import type { Canary } from './canary.js';

/**
 * Texts by which rclone is known to leave a remote, run a program, read a file of the server or ask its network.
 * Each test puts them where a client may write, and straight into rows.
 */

type Aim = Pick<Canary, 'folder' | 'command' | 'url' | 'port'>;

/** Remotes, as rclone writes them on the spot. Where only an id, a host or a word belongs, each is refused. */
export const remotesOnTheSpot = ({ folder, command, url }: Aim): string[] => [
  `jail,remote=${folder}:`,
  `:alias,remote=${folder}:`,
  `:alias,remote='${folder}':/`,
  `:local:${folder}`,
  `:local,encoding=None:${folder}`,
  `:local,links:${folder}`,
  `r1,remote=${folder}:`,
  'r1:',
  'r2:..',
  folder,
  'secret',
  `:http,url='${url}':`,
  `:webdav,url='${url}',bearer_token_command='${command}':`,
  `:sftp,host=127.0.0.1,ssh='${command}':`,
  `:sftp,host=127.0.0.1,server_command='${command}':`,
  `:s3,env_auth=true,endpoint='${url}':`,
  `{"type":"local","_root":"${folder}"}`,
  `--config=${folder}/rclone.conf`,
  `--password-command=${command}`,
  '--rc-no-auth',
  '-',
  `$(${command})`,
  `\`${command}\``,
  `; ${command}`,
  '%(HOME)s',
  `x\n[r1]\ntype = alias\nremote = ${folder}`,
  'config/create',
  'core/command',
];

/** Paths that nobody may use, with what is wrong with each. */
export const REFUSED_PATHS: readonly { path: unknown; because: string }[] = [
  ...['..', '/..', '../x', '/../../etc', 'a/..', 'a/../../b', 'a/./b', '.', './x', 'a/.'].map((path) => ({
    path,
    because: 'dots leave the root',
  })),
  ...['．．', '．．/etc', 'a/．./b', '.．', '․․/x', '‥', '‥/etc', '．'].map((path) => ({
    path,
    because: 'rclone reads these as dots',
  })),
  ...['a\0b', 'a\nb', 'a\r\nb', '\u007f', '\u001b[2J', '\t'].map((path) => ({ path, because: 'controls' })),
  ...['\ud800', 'a/\udfff/b'].map((path) => ({ path, because: 'half a character' })),
  ...['x'.repeat(4097), 'é'.repeat(2049), '/'.repeat(10_000)].map((path) => ({ path, because: 'too long' })),
  ...[7, null, true, [], ['/'], {}, { type: 'local', _root: '/' }].map((path) => ({
    path,
    because: 'not a text',
  })),
];

/**
 * Names that files may have, so they are accepted; nothing outside the remote may come of them. (`‛` is the sign rclone
 * quotes with: a file `‛.` of the disk is `‛‛.` for it, so that such a name is not addressed by itself.)
 */
export const harmlessPaths = (aim: Aim): string[] => [
  ...remotesOnTheSpot(aim).filter((text) => !text.includes('\n')),
  aim.folder.repeat(2),
  '%2e%2e/%2e%2e/etc/passwd',
  '..%2f..%2fetc',
  '... /...',
  '‛．‛．/x',
  '..／..／x',
  '／etc／passwd',
  '~',
  '~/.ssh',
  '*',
  '**',
  '{a,b}',
  '[!a]',
  '\\..\\..',
  'a:b:c',
  '\u202etxt.exe',
];

/** Options of a job that would reach rclone's own: refused by the name of the field. */
export const hostileJobOptions = ({ folder, command, url }: Aim): Record<string, unknown>[] => [
  { filesFrom: [`${folder}/secret-of-the-canary.txt`] },
  { FilesFrom: [`${folder}/secret-of-the-canary.txt`] },
  { includeFrom: [folder] },
  { filterFrom: [folder] },
  { links: true },
  { copyLinks: true },
  { Links: true },
  { backupDir: folder },
  { BackupDir: `:local:${folder}` },
  { passwordCommand: command },
  { deleteExcluded: true },
  { metadataMapper: [command] },
  { 'override.links': true },
  { 'global.links': true },
  { _config: { DryRun: false, Links: true } },
  { _filter: { FilesFrom: [folder] } },
  { _async: true },
  { _group: 'job/1' },
  { srcFs: `:local:${folder}` },
  { dstFs: `:local:${folder}` },
  { rcAddr: '0.0.0.0:5572' },
  { bind: '0.0.0.0' },
  { logFile: `${folder}/log` },
  { cacheDir: folder },
  { url },
  { dryrun: true },
  { DryRun: true },
];

/** Values of the options there are that are no such value. */
export const WRONG_OPTION_VALUES: readonly Record<string, unknown>[] = [
  { dryRun: 'true' },
  { dryRun: 1 },
  { checksum: 'yes' },
  { transfers: 0 },
  { transfers: 9 },
  { transfers: '2' },
  { transfers: 1.5 },
  { transfers: 1e308 },
  { bandwidthLimit: -1 },
  { bandwidthLimit: '10M' },
  { bandwidthLimit: 'off' },
  { bandwidthLimit: Number.MAX_SAFE_INTEGER + 1 },
  { include: 'a' },
  { include: [''] },
  { include: ['a\n- /**'] },
  { exclude: ['a\r+ /**'] },
  { exclude: ['a\0b'] },
  { exclude: ['\ud800'] },
  { include: [7] },
  { include: ['x'.repeat(1001)] },
  { include: Array.from({ length: 101 }, () => 'a') },
];

/** Patterns that are nothing but patterns: a file they name is never opened. */
export const harmlessPatterns = ({ folder, command }: Aim): string[] => [
  `--files-from=${folder}/secret-of-the-canary.txt`,
  `${folder}/**`,
  `$(${command})`,
  '+ /**',
  '- *',
  '!',
  '# a comment',
  '; a comment',
  '/../**',
];

/** Options of rclone that no client may set for any remote. */
export const hostileRemoteOptions = ({ folder, command, url }: Aim): Record<string, unknown> => ({
  bearer_token_command: command,
  ssh: command,
  server_command: command,
  md5sum_command: command,
  sha1sum_command: command,
  password_command: command,
  pass_command: command,
  key_file: `${folder}/secret-of-the-canary.txt`,
  service_account_file: `${folder}/secret-of-the-canary.txt`,
  shared_credentials_file: `${folder}/secret-of-the-canary.txt`,
  known_hosts_file: `${folder}/secret-of-the-canary.txt`,
  pubkey_file: `${folder}/secret-of-the-canary.txt`,
  config_file: `${folder}/secret-of-the-canary.txt`,
  db_path: `${folder}/db`,
  env_auth: true,
  use_msi: true,
  encoding: 'None',
  links: true,
  copy_links: true,
  http_proxy: url,
  socks_proxy: `127.0.0.1:1080`,
  auth_url: url,
  token_url: url,
  sts_endpoint: url,
  remote: `:local:${folder}`,
  upstreams: `a=:local:${folder}`,
  type: 'local',
  _root: folder,
  config_refresh_token: true,
  'override.links': true,
  'global.links': true,
  headers: `X-Canary,${folder}`,
  key_use_agent: true,
  ask_password: true,
  description: 'x\n[r1]\ntype = local',
});

/** Hosts inside the server's own network, also as people write them who hope to be misread. */
export const INTERNAL_HOSTS: readonly string[] = [
  '127.0.0.1',
  '127.1',
  '127.0.0.2',
  '0.0.0.0',
  '0',
  '2130706433',
  '0x7f.1',
  '0x7f000001',
  '0177.0.0.1',
  '017700000001',
  '１２７.0.0.1',
  '127。0。0。1',
  'localhost',
  'LOCALHOST',
  'localhost.',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[64:ff9b::7f00:1]',
  '[fe80::1]',
  '[fd00::1]',
  '169.254.169.254',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '224.0.0.1',
  '255.255.255.255',
];

/** What is no host at all: lines, commands, options, places on this machine. */
export const notHosts = (aim: Aim): string[] => [
  ...remotesOnTheSpot(aim).filter((text) => text !== 'secret'),
  'a b',
  'user@host',
  'host:22',
  'host/path',
  'host,ssh=x',
  '-oProxyCommand=x',
  '..',
  '',
  ' ',
  'a\0',
  '\ud800',
  'x'.repeat(300),
];

/** Folders of the server that a local remote must not be in. */
export const outsideFolders = ({ folder }: Aim, root: string): string[] => [
  '/',
  '/etc',
  '/proc/self/root',
  '/dev/fd',
  folder,
  `${root}/..`,
  `${root}/../..`,
  `${root}/x/../../..`,
  `${root}/．．`,
  `${root}\0`,
  `${root}\n${folder}`,
  'relative',
  '~',
  `:local:${folder}`,
  `file://${folder}`,
  '',
];
