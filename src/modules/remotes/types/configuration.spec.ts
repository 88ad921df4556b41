import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isDenied, parseConfiguration, rcloneOptions, remoteTypes, secretKeysOf } from './configuration.js';
import { REMOTE_TYPES, type RemoteType } from './remote-types.js';

const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const serviceAccount = {
  type: 'service_account',
  private_key: pem,
  client_email: 'a@b.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
};
const token = JSON.stringify({ access_token: 'a', refresh_token: 'r', expiry: '2026-11-21T10:00:00Z' });

/** One good configuration of each type. */
const GOOD: Record<RemoteType, { options: object; secrets: object }> = {
  local: { options: {}, secrets: {} },
  alias: { options: {}, secrets: {} },
  sftp: { options: { host: 'files.example.org', user: 'کاربر' }, secrets: { password: 'گذرواژه 🔑 "%()' } },
  webdav: { options: { url: 'https://cloud.example.org/dav', user: 'u' }, secrets: { password: 'p' } },
  s3: {
    options: { provider: 'Minio', endpoint: 'https://s3.example.org:9000', accessKeyId: 'AK' },
    secrets: { secretAccessKey: 's' },
  },
  ftp: { options: { host: 'ftp.example.org', user: 'u', encryption: 'explicit' }, secrets: {} },
  http: { options: { url: 'http://files.example.org/' }, secrets: { authorization: 'Bearer abc.def' } },
  drive: { options: {}, secrets: { serviceAccount: JSON.stringify(serviceAccount) } },
  dropbox: { options: {}, secrets: { token } },
  onedrive: { options: { driveId: 'b!x-1', driveType: 'business' }, secrets: { token } },
  b2: { options: { account: '0012' }, secrets: { key: 'k' } },
  azureblob: { options: { account: 'abc' }, secrets: { key: 'a2V5' } },
  gcs: { options: { anonymous: true }, secrets: {} },
  crypt: { options: {}, secrets: { password: 'p' } },
  union: { options: {}, secrets: {} },
  combine: { options: {}, secrets: {} },
};

const problems = (type: RemoteType, options: object, secrets: object = {}): string[] =>
  parseConfiguration(type, {
    options: { ...GOOD[type].options, ...options },
    secrets: { ...GOOD[type].secrets, ...secrets },
  }).errors.map(({ pointer }) => pointer);

function given(type: RemoteType, options: object = {}, secrets: object = {}) {
  const { configuration } = parseConfiguration(type, {
    options: { ...GOOD[type].options, ...options },
    secrets: { ...GOOD[type].secrets, ...secrets },
  });
  if (!configuration) throw new Error('refused');
  return rcloneOptions(type, configuration);
}

describe.each(REMOTE_TYPES)('%s', (type) => {
  it('takes a good configuration, and takes again what it has made of it', () => {
    const first = parseConfiguration(type, GOOD[type]);
    expect(first.errors).toEqual([]);
    const again = parseConfiguration(type, first.configuration ?? { options: 0, secrets: 0 });
    expect(again.configuration).toEqual(first.configuration);
  });

  it('gives rclone nothing that runs, reads or uses what is the server’s', () => {
    const { options, secrets, fixed } = remoteTypes[type];
    const keys = [...Object.values(options), ...Object.values(secrets)].flatMap(({ key, toRclone }) =>
      key === undefined ? Object.keys(toRclone?.('') ?? {}) : [key],
    );
    expect(keys.filter(isDenied)).toEqual([]);
    // What is always given only ever switches such things off.
    for (const [key, value] of Object.entries(fixed))
      expect([key, value]).toEqual([key, isDenied(key) ? false : value]);
  });

  it.each([
    'bearer_token_command',
    'bearerTokenCommand',
    'ssh',
    'server_command',
    'md5sum_command',
    'key_file',
    'keyFile',
    'known_hosts_file',
    'service_account_file',
    'shared_credentials_file',
    'config_file',
    'db_path',
    'path_override',
    'env_auth',
    'envAuth',
    'encoding',
    'remote',
    'upstreams',
    'http_proxy',
    'socks_proxy',
    'config_refresh_token',
    'override.rc_addr',
    'global.config',
    'type',
    'token_url',
    'tokenUrl',
    'auth_url',
    'download_url',
    'ask_password',
    'key_use_agent',
    'use_msi',
    'set_env',
    'links',
    '__proto__',
    'constructor',
    '',
    'pass',
    'нет',
    '비밀번호\n',
  ])('does not know the option %j', (name) => {
    const more = JSON.parse(`{${JSON.stringify(name)}: "x"}`) as object;
    expect(parseConfiguration(type, { ...GOOD[type], options: more }).errors.length).toBeGreaterThan(0);
    const merged = JSON.parse(
      `{${[...Object.entries(GOOD[type].options), [name, 'x']].map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join()}}`,
    ) as object;
    expect(parseConfiguration(type, { ...GOOD[type], options: merged }).configuration).toBeNull();
    expect(parseConfiguration(type, { ...GOOD[type], secrets: merged }).configuration).toBeNull();
  });

  it('refuses what is no object', () => {
    for (const bad of [null, [], 'x', 1, undefined])
      expect(parseConfiguration(type, { options: bad, secrets: {} }).configuration).toBeNull();
  });
});

describe('values', () => {
  const TEXTS: [RemoteType, 'options' | 'secrets', string][] = [
    ['sftp', 'options', 'host'],
    ['sftp', 'options', 'user'],
    ['sftp', 'secrets', 'password'],
    ['webdav', 'options', 'url'],
    ['webdav', 'secrets', 'bearerToken'],
    ['s3', 'options', 'accessKeyId'],
    ['s3', 'options', 'region'],
    ['s3', 'options', 'endpoint'],
    ['s3', 'secrets', 'secretAccessKey'],
    ['ftp', 'options', 'user'],
    ['http', 'secrets', 'authorization'],
    ['drive', 'options', 'rootFolderId'],
    ['dropbox', 'secrets', 'token'],
    ['onedrive', 'options', 'driveId'],
    ['azureblob', 'options', 'account'],
    ['azureblob', 'secrets', 'sasUrl'],
    ['crypt', 'secrets', 'password'],
  ];
  const BAD = {
    'a line break': 'x\n[other]\ntype = local',
    'a carriage return': 'x\rQUIT',
    'a NUL': 'x\u0000y',
    'a C1 control': 'x\u0085y',
    'a line separator': 'x\u2028y',
    'half a character': 'x\ud800',
    nothing: '',
    'more than 16 KiB': 'x'.repeat(16_385),
    'more than 16 KiB of UTF-8': '한'.repeat(6_000),
  };
  it.each(TEXTS)('of %s %s.%s have to be one line of real text', (type, part, name) => {
    for (const [what, value] of Object.entries({ ...BAD, 'a number': 1, 'a list': ['x'] })) {
      const found =
        part === 'options' ? problems(type, { [name]: value }) : problems(type, {}, { [name]: value });
      expect([what, found.length > 0]).toEqual([what, true]);
    }
  });

  it('are never repeated by an error', () => {
    const marker = 'marker-5b1f';
    const { errors } = parseConfiguration('s3', {
      options: { provider: marker, endpoint: marker, region: `${marker} `, acl: marker },
      secrets: { secretAccessKey: `${marker}\n`, sessionToken: [marker] },
    });
    expect(errors.length).toBeGreaterThan(3);
    expect(JSON.stringify(errors)).not.toContain(marker);
  });

  it.each([
    ['files.example.org', 'files.example.org'],
    ['FILES.Example.org', 'files.example.org'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['例え.jp', 'xn--r8jz45g.jp'],
    ['nas_1', 'nas_1'],
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
  ])('take the host %j as %j', (host, plain) => {
    expect(given('sftp', { host })).toMatchObject({ host: plain });
  });

  it.each([
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '１２７.0.0.1',
    '127.0.0.1.',
    '1.2.3',
    'a b',
    'a/b',
    'a:22',
    'user@host',
    '-oProxyCommand=x',
    'a..b',
    '.a',
    'a,b',
    'fe80::1%eth0',
    '[::1',
    'a'.repeat(64),
    'http://x',
    ':local:',
  ])('refuse the host %j', (host) => {
    expect(problems('sftp', { host })).toEqual(['/options/host']);
  });

  it.each([
    ['HTTPS://Cloud.Example.org/dav/../x', 'https://cloud.example.org/x'],
    ['http://0x7f.1/', 'http://127.0.0.1/'],
    ['http://2130706433/', 'http://127.0.0.1/'],
    ['http://[::ffff:127.0.0.1]/', 'http://[::ffff:7f00:1]/'],
    ['https://cloud.example.org/پوشه', 'https://cloud.example.org/%D9%BE%D9%88%D8%B4%D9%87'],
  ])('take the address %j as %j', (url, plain) => {
    expect(given('webdav', { url })).toMatchObject({ url: plain });
  });

  it.each([
    'ftp://x',
    'file:///etc/passwd',
    'gopher://x',
    '//x',
    'https:/x',
    'https://',
    'https://u:p@x/',
    'https://u@x/',
    'https://x/#y',
    'https://x/?y',
    'http:\\\\x',
    'http://a b/',
    'https://x\\@y/',
    'https://x/a\\b',
    'http://x:99999/',
    'x,y',
    ':local:/',
    'unix:///run/docker.sock',
  ])('refuse the address %j', (url) => {
    expect(problems('webdav', { url })).toEqual(['/options/url']);
    expect(problems('http', { url })).toEqual(['/options/url']);
  });

  it('refuse an S3 endpoint with a path, and one that is missing', () => {
    expect(problems('s3', { endpoint: 'https://x.example/a' })).toEqual(['/options/endpoint']);
    expect(problems('s3', { endpoint: undefined })).toEqual(['/options/endpoint']);
    expect(problems('s3', { provider: 'AWS', endpoint: undefined })).toEqual([]);
    expect(problems('s3', { provider: 'aws' })).toEqual(['/options/provider']);
    expect(problems('s3', {}, { secretAccessKey: undefined })).toEqual(['/secrets/secretAccessKey']);
  });

  it('refuse ports that are none', () => {
    for (const port of [0, -1, 65_536, 1.5, '22', null, Number.NaN])
      expect([port, problems('sftp', { port })]).toEqual([port, ['/options/port']]);
  });
});

describe('what rclone is given', () => {
  it('is its own names of the options, plain passwords and what is fixed', () => {
    expect(given('sftp', { port: 2222 })).toEqual({
      shell_type: 'unix',
      key_use_agent: false,
      ask_password: false,
      use_insecure_cipher: false,
      host: 'files.example.org',
      user: 'کاربر',
      port: 2222,
      pass: 'گذرواژه 🔑 "%()',
    });
    expect(given('s3')).toMatchObject({ env_auth: false, provider: 'Minio' });
    expect(given('ftp')).toMatchObject({ explicit_tls: true, tls: false, no_check_certificate: false });
  });

  it('is a private key on one line, as rclone reads it', () => {
    const { key_pem: key } = given(
      'sftp',
      {},
      { password: undefined, privateKey: pem.replaceAll('\n', '\r\n') },
    );
    expect(key).toBe(pem.replaceAll('\n', '\\n'));
    for (const privateKey of ['x', '/etc/ssh/key', `${pem}"`, `"\\n${pem}`, pem.replace('BEGIN', 'END')])
      expect(problems('sftp', {}, { password: undefined, privateKey })).toEqual(['/secrets/privateKey']);
  });

  it('is of a token only what a token has', () => {
    const { token: kept } = given(
      'dropbox',
      {},
      { token: JSON.stringify({ access_token: 'a', token_url: 'http://x' }) },
    );
    expect(kept).toBe('{"access_token":"a"}');
    for (const bad of ['x', '{}', '[]', 'null', '{"access_token":1}', '{"access_token":"a\\nb"}'])
      expect(problems('dropbox', {}, { token: bad })).toEqual(['/secrets/token']);
  });

  it.each([
    ['another kind', { type: 'external_account', credential_source: { executable: { command: 'id' } } }],
    ['a file', { type: 'authorized_user' }],
    ['an address of their own', { token_uri: 'http://169.254.169.254/token' }],
    ['no key', { private_key: 'x' }],
    ['an e-mail of two lines', { client_email: 'a\nb' }],
  ])('is no service account of %s', (_what, changes) => {
    const secrets = { serviceAccount: JSON.stringify({ ...serviceAccount, ...changes }) };
    expect(problems('drive', {}, secrets)).toEqual(['/secrets/serviceAccount']);
    expect(problems('gcs', { anonymous: undefined }, secrets)).toEqual(['/secrets/serviceAccount']);
  });

  it('never is the identity of the server', () => {
    expect(problems('gcs', { anonymous: undefined })).toEqual(['/secrets/token']);
    expect(problems('drive', {}, { serviceAccount: undefined })).toEqual(['/secrets/token']);
    expect(problems('azureblob', {}, { key: undefined })).toEqual(['/secrets/key']);
  });

  it('needs what belongs together', () => {
    expect(problems('sftp', {}, { password: undefined })).toEqual(['/secrets/password']);
    expect(problems('sftp', {}, { privateKey: pem })).toEqual(['/secrets/privateKey']);
    expect(problems('sftp', {}, { privateKeyPassword: 'x' })).toEqual(['/secrets/privateKey']);
    expect(problems('webdav', {}, { bearerToken: 'x' })).toEqual(['/secrets/bearerToken']);
    expect(problems('webdav', { user: undefined })).toEqual(['/options/user']);
    expect(problems('azureblob', { account: undefined })).toEqual(['/options/account']);
    expect(problems('drive', { impersonate: 'a@example.org' }, { serviceAccount: undefined, token })).toEqual(
      ['/secrets/serviceAccount'],
    );
  });

  it('is refused where a definition would let something through', () => {
    const configuration = { options: { host: 'a\nb' }, secrets: {} };
    expect(() => rcloneOptions('sftp', configuration)).toThrow(/not for rclone/);
    expect(() => rcloneOptions('sftp', { options: { toString: 'x' }, secrets: {} })).toThrow(/no option/);
  });

  it('is secret by these keys', () => {
    expect([...secretKeysOf('sftp')]).toEqual(['pass', 'key_pem', 'key_file_pass']);
    expect([...secretKeysOf('http')]).toEqual(['headers']);
  });
});
