import { z } from 'zod';
import { host, line, port, privateKey, webAddress, yesNo } from './fields.js';
import { missing, obscured, oneOf, option, translated, type RemoteTypeDefinition } from './remote-type.js';

const user = option('user', line(255));
const password = obscured('pass', line());

export const sftp: RemoteTypeDefinition = {
  type: 'sftp',
  summary: 'A server reached by SSH file transfer.',
  root: 'home',
  options: {
    host: option('host', host),
    port: option('port', port.optional()),
    user,
    // Not found out by rclone: it would run commands to do so, and its quoting for PowerShell is not safe in 1.60.
    shell: option(
      'shell_type',
      z
        .enum(['unix', 'none'])
        .optional()
        .describe('unix (default): checksums are made on the server by commands; none: no commands.'),
    ),
    setModificationTime: option('set_modtime', yesNo.optional()),
  },
  secrets: {
    password: { ...password, schema: line().optional() },
    // rclone reads the escapes of a quoted text here.
    privateKey: translated(privateKey.optional(), (value) => ({
      key_pem: String(value).replaceAll('\n', '\\n'),
    })),
    privateKeyPassword: obscured('key_file_pass', line().optional()),
  },
  fixed: { shell_type: 'unix', key_use_agent: false, ask_password: false, use_insecure_cipher: false },
  parts: null,
  problems: (configuration) => [
    ...oneOf(configuration, ['/secrets/password', '/secrets/privateKey']),
    ...(configuration.secrets['privateKeyPassword'] !== undefined &&
    configuration.secrets['privateKey'] === undefined
      ? [missing('/secrets/privateKey', 'is required with its password')]
      : []),
  ],
};

export const webdav: RemoteTypeDefinition = {
  type: 'webdav',
  summary: 'A WebDAV server such as Nextcloud or ownCloud.',
  root: 'path',
  options: {
    url: option('url', webAddress()),
    vendor: option(
      'vendor',
      z.enum(['nextcloud', 'owncloud', 'sharepoint', 'sharepoint-ntlm', 'other']).default('other'),
    ),
    user: option('user', line(255).optional()),
  },
  secrets: {
    password: obscured('pass', line().optional()),
    bearerToken: option('bearer_token', line(8_000).optional()),
  },
  fixed: {},
  parts: null,
  problems: ({ options, secrets }) => {
    if (secrets['bearerToken'] !== undefined && secrets['password'] !== undefined)
      return [{ pointer: '/secrets/bearerToken', detail: 'cannot be together with password' }];
    if (secrets['password'] !== undefined && options['user'] === undefined)
      return [missing('/options/user', 'is required with a password')];
    return [];
  },
};

export const ftp: RemoteTypeDefinition = {
  type: 'ftp',
  summary: 'An FTP server, with or without TLS.',
  root: 'path',
  options: {
    host: option('host', host),
    port: option('port', port.optional()),
    user,
    encryption: translated(
      z
        .enum(['none', 'explicit', 'implicit'])
        .default('none')
        .describe('TLS: none, explicit (FTPS on the usual port) or implicit.'),
      (value) => ({ explicit_tls: value === 'explicit', tls: value === 'implicit' }),
    ),
    anyCertificate: option(
      'no_check_certificate',
      yesNo.optional().describe('Accept a certificate nobody has signed.'),
    ),
  },
  secrets: { password: { ...password, schema: line().optional() } },
  fixed: { ask_password: false, no_check_certificate: false },
  parts: null,
};

export const http: RemoteTypeDefinition = {
  type: 'http',
  summary: 'A web server that lists its folders; for reading only.',
  root: 'path',
  options: {
    url: option('url', webAddress()),
    noHead: option('no_head', yesNo.optional().describe('Do not ask for sizes and times file by file.')),
  },
  secrets: {
    authorization: translated(
      line(8_000)
        .regex(/^(?:Basic|Bearer) [A-Za-z0-9._~+/=-]+$/, 'must begin with Basic or Bearer')
        .optional()
        .describe('The header of that name.'),
      (value) => ({ headers: `Authorization,${String(value)}` }),
    ),
  },
  fixed: {},
  parts: null,
};
