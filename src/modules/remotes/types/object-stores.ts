import { z } from 'zod';
import { line, oauthToken, serviceAccount, token, webAddress, yesNo } from './fields.js';
import { missing, oneOf, option, type RemoteTypeDefinition } from './remote-type.js';

const S3_PROVIDERS = [
  'AWS',
  'Alibaba',
  'ArvanCloud',
  'Ceph',
  'ChinaMobile',
  'Cloudflare',
  'DigitalOcean',
  'Dreamhost',
  'HuaweiOBS',
  'IBMCOS',
  'IDrive',
  'IONOS',
  'LyveCloud',
  'Minio',
  'Netease',
  'Qiniu',
  'RackCorp',
  'Scaleway',
  'SeaweedFS',
  'StackPath',
  'Storj',
  'TencentCOS',
  'Wasabi',
  'Other',
] as const;

export const s3: RemoteTypeDefinition = {
  type: 's3',
  summary: 'An object store that speaks S3; root is /bucket or /bucket/folder.',
  root: 'path',
  options: {
    provider: option('provider', z.enum(S3_PROVIDERS)),
    accessKeyId: option('access_key_id', token(200, '_./+=-').optional()),
    region: option('region', token(64).optional()),
    endpoint: option(
      'endpoint',
      webAddress({ originOnly: true }).optional().describe('Address of the service; not needed for AWS.'),
    ),
    locationConstraint: option('location_constraint', token(64).optional()),
    acl: option(
      'acl',
      z
        .enum(['private', 'authenticated-read', 'bucket-owner-read', 'bucket-owner-full-control'])
        .optional()
        .describe('Of what is written.'),
    ),
    serverSideEncryption: option('server_side_encryption', z.enum(['AES256', 'aws:kms']).optional()),
    kmsKeyId: option('sse_kms_key_id', token(2_048, '_:/-').optional()),
    storageClass: option('storage_class', token(64).optional()),
    pathStyle: option(
      'force_path_style',
      yesNo.optional().describe('The bucket in the path instead of the host name (default true).'),
    ),
    checkBucket: {
      schema: yesNo.optional().describe('Look for the bucket, and make it, before writing (default true).'),
      toRclone: (value) => ({ no_check_bucket: value === false }),
    },
  },
  secrets: {
    secretAccessKey: option('secret_access_key', line().optional()),
    sessionToken: option('session_token', line(8_000).optional()),
  },
  // With env_auth rclone would use the cloud identity of the server it runs on.
  fixed: { env_auth: false },
  parts: null,
  problems: ({ options, secrets }) => [
    ...(options['provider'] !== 'AWS' && options['endpoint'] === undefined
      ? [missing('/options/endpoint', 'is required for every provider but AWS')]
      : []),
    ...(options['accessKeyId'] !== undefined && secrets['secretAccessKey'] === undefined
      ? [missing('/secrets/secretAccessKey', 'is required with accessKeyId')]
      : []),
    ...(options['accessKeyId'] === undefined && secrets['secretAccessKey'] !== undefined
      ? [missing('/options/accessKeyId', 'is required with secretAccessKey')]
      : []),
  ],
};

export const b2: RemoteTypeDefinition = {
  type: 'b2',
  summary: 'Backblaze B2; root is /bucket or /bucket/folder.',
  root: 'path',
  options: {
    account: option('account', token(100)),
    hardDelete: option('hard_delete', yesNo.optional().describe('Delete for good instead of hiding.')),
  },
  secrets: { key: option('key', line(200)) },
  fixed: {},
  parts: null,
};

export const azureblob: RemoteTypeDefinition = {
  type: 'azureblob',
  summary: 'Azure Blob Storage; root is /container or /container/folder.',
  root: 'path',
  options: {
    // Part of the host name that rclone asks.
    account: option(
      'account',
      line(24)
        .regex(/^[a-z0-9]{3,24}$/, 'must have 3 to 24 small letters and digits')
        .optional(),
    ),
    accessTier: option('access_tier', z.enum(['hot', 'cool', 'archive']).optional()),
  },
  secrets: {
    key: option(
      'key',
      line(200)
        .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'must be a key in Base64')
        .optional(),
    ),
    sasUrl: option('sas_url', webAddress({ query: true }).optional()),
  },
  fixed: { use_msi: false, use_emulator: false, env_auth: false },
  parts: null,
  problems: (configuration) => [
    ...oneOf(configuration, ['/secrets/key', '/secrets/sasUrl']),
    ...(configuration.secrets['key'] !== undefined && configuration.options['account'] === undefined
      ? [missing('/options/account', 'is required with key')]
      : []),
  ],
};

export const gcs: RemoteTypeDefinition = {
  type: 'gcs',
  summary: 'Google Cloud Storage; root is /bucket or /bucket/folder.',
  root: 'path',
  options: {
    clientId: option('client_id', token(200, '_.-').optional()),
    projectNumber: option('project_number', token(64).optional()),
    location: option('location', token(64).optional()),
    storageClass: option(
      'storage_class',
      z.enum(['STANDARD', 'MULTI_REGIONAL', 'REGIONAL', 'NEARLINE', 'COLDLINE', 'ARCHIVE']).optional(),
    ),
    bucketPolicyOnly: option('bucket_policy_only', yesNo.optional()),
    anonymous: option('anonymous', z.literal(true).optional().describe('Read public buckets only.')),
  },
  secrets: {
    clientSecret: option('client_secret', line(200).optional()),
    token: option('token', oauthToken.optional()),
    serviceAccount: option('service_account_credentials', serviceAccount.optional()),
  },
  fixed: { env_auth: false },
  parts: null,
  // Without any of them rclone would use the cloud identity of the server it runs on.
  problems: (configuration) =>
    oneOf(configuration, ['/secrets/token', '/secrets/serviceAccount', '/options/anonymous']),
};
