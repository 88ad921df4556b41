import { z } from 'zod';
import { flag, optionalText, text, url, type SettingDefinition } from './setting.js';

/** Where files are kept that belong to the installation itself, such as archives. */
export const STORE_SETTINGS = {
  store: {
    env: 'STEWARD_STORE',
    help: 'local keeps files in the folder store under the data directory, s3 in a bucket. Processes on several machines need s3, or a folder they share.',
    schema: z
      .enum(['local', 's3'], { error: 'must be local or s3' })
      .optional()
      .transform((value) => value ?? 'local'),
    example: 'local',
  },
  s3Endpoint: {
    env: 'STEWARD_S3_ENDPOINT',
    help: 'Address of the S3 service, without the bucket.',
    schema: url('https:', 'http:').transform((value) => value?.replace(/\/+$/, '')),
    example: 'https://s3.eu-central-1.amazonaws.com',
  },
  s3Region: {
    env: 'STEWARD_S3_REGION',
    help: 'Region of the bucket; services without regions take auto or us-east-1.',
    schema: text('us-east-1'),
    example: 'us-east-1',
  },
  s3Bucket: {
    env: 'STEWARD_S3_BUCKET',
    help: 'The bucket. It must exist, and should be private and of Steward alone.',
    schema: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
      .optional(),
    example: 'steward',
  },
  s3AccessKey: {
    env: 'STEWARD_S3_ACCESS_KEY',
    help: 'Access key id of a user who may list, read, write and delete in the bucket.',
    schema: optionalText(),
    example: 'AKIAEXAMPLE',
  },
  s3SecretKey: {
    env: 'STEWARD_S3_SECRET_KEY',
    help: 'Secret access key that belongs to it.',
    schema: optionalText(),
    example: 'secret',
    secret: true,
  },
  s3PathStyle: {
    env: 'STEWARD_S3_PATH_STYLE',
    help: 'true addresses the bucket as a path (https://host/bucket), false as a name of its own (https://bucket.host).',
    schema: flag(true),
    example: 'true',
  },
} as const satisfies Record<string, SettingDefinition>;

interface StoreValues {
  readonly store: 'local' | 's3';
  readonly s3Endpoint?: string | undefined;
  readonly s3Bucket?: string | undefined;
  readonly s3AccessKey?: string | undefined;
  readonly s3SecretKey?: string | undefined;
}

/** What a store in a bucket cannot do without. */
export function missingForS3(values: StoreValues): string[] {
  if (values.store !== 's3') return [];
  const needed = {
    STEWARD_S3_ENDPOINT: values.s3Endpoint,
    STEWARD_S3_BUCKET: values.s3Bucket,
    STEWARD_S3_ACCESS_KEY: values.s3AccessKey,
    STEWARD_S3_SECRET_KEY: values.s3SecretKey,
  };
  return Object.entries(needed)
    .filter(([, value]) => value === undefined)
    .map(([name]) => `${name} is required with STEWARD_STORE=s3`);
}
