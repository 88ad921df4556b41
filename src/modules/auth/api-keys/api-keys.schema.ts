import { z } from 'zod';
import { instantIn, instantOut, nameOf, pageOf, pageQuery, uuid } from '../../../kernel/http/index.js';

const MAX_SCOPES = 100;
const MAX_NETWORKS = 20;

/** One address, or a network as `address/bits`. */
const network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: 'must be an IP address or a network such as 203.0.113.0/24',
});

export const newApiKeyIn = z.strictObject({
  name: nameOf(100),
  /** What the key may do, by the names that routes ask for; there is no wildcard. */
  scopes: z
    .array(z.string().max(100), { error: 'must be a list of scopes' })
    .min(1, 'must name at least one scope')
    .max(MAX_SCOPES),
  /** Left out: in 90 days. Null: never, which has to be said. */
  expiresAt: instantIn.nullable().optional(),
  /** Where the key works from; left out or empty: from everywhere. */
  allowedNetworks: z.array(network).max(MAX_NETWORKS).default([]),
});

export const apiKeysQuery = z.strictObject(pageQuery);

const fields = {
  id: uuid,
  name: z.string(),
  prefix: z.string().describe('How the key begins: enough to recognise it, not to use it.'),
  scopes: z.array(z.string()),
  allowedNetworks: z.array(z.string()),
  createdAt: instantOut,
  expiresAt: instantOut.nullable().describe('Null: never.'),
  lastUsedAt: instantOut.nullable().describe('To the minute.'),
  lastUsedIp: z.string().nullable(),
};

export const apiKeyView = z.object(fields).meta({ id: 'ApiKey' });
export const apiKeyPage = pageOf(apiKeyView);

export const createdApiKeyView = z
  .object({
    ...fields,
    key: z
      .string()
      .nullable()
      .describe(
        'Shown this once. Null when the answer is replayed by its Idempotency-Key: it is not stored.',
      ),
  })
  .meta({ id: 'CreatedApiKey' });

export type NewApiKeyIn = z.output<typeof newApiKeyIn>;
export type ApiKeyView = z.output<typeof apiKeyView>;
export type CreatedApiKeyView = z.output<typeof createdApiKeyView>;
