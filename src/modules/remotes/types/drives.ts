import { z } from 'zod';
import { line, oauthToken, serviceAccount, token, yesNo } from './fields.js';
import { missing, oneOf, option, type RemoteTypeDefinition } from './remote-type.js';

const clientId = option(
  'client_id',
  token(200, '_.-').optional().describe('Of an OAuth client of your own.'),
);
const clientSecret = option('client_secret', line(200).optional());

export const drive: RemoteTypeDefinition = {
  type: 'drive',
  summary: 'Google Drive.',
  root: 'path',
  options: {
    clientId,
    scope: option('scope', z.enum(['drive', 'drive.readonly', 'drive.file']).default('drive')),
    rootFolderId: option('root_folder_id', token(200).optional()),
    sharedDriveId: option('team_drive', token(200).optional()),
    impersonate: option(
      'impersonate',
      line(255).email('must be an e-mail address').optional().describe('With a service account only.'),
    ),
    useTrash: option('use_trash', yesNo.optional().describe('Deleted files go to the trash (default true).')),
    skipDocuments: option('skip_gdocs', yesNo.optional().describe('Leave out documents of Google itself.')),
  },
  secrets: {
    clientSecret,
    token: option('token', oauthToken.optional()),
    serviceAccount: option('service_account_credentials', serviceAccount.optional()),
  },
  fixed: { env_auth: false },
  parts: null,
  problems: (configuration) => [
    ...oneOf(configuration, ['/secrets/token', '/secrets/serviceAccount']),
    ...(configuration.options['impersonate'] !== undefined &&
    configuration.secrets['serviceAccount'] === undefined
      ? [missing('/secrets/serviceAccount', 'is required with impersonate')]
      : []),
  ],
};

export const dropbox: RemoteTypeDefinition = {
  type: 'dropbox',
  summary: 'Dropbox.',
  root: 'path',
  options: { clientId },
  secrets: { clientSecret, token: option('token', oauthToken) },
  fixed: {},
  parts: null,
};

export const onedrive: RemoteTypeDefinition = {
  type: 'onedrive',
  summary: 'Microsoft OneDrive or SharePoint.',
  root: 'path',
  options: {
    clientId,
    region: option('region', z.enum(['global', 'us', 'de', 'cn']).default('global')),
    driveId: option('drive_id', token(200, '_!.-')),
    driveType: option('drive_type', z.enum(['personal', 'business', 'documentLibrary'])),
  },
  secrets: { clientSecret, token: option('token', oauthToken) },
  fixed: {},
  parts: null,
};
