import { isIP } from 'node:net';
import { z } from 'zod';
import { wholeNumber, type SettingDefinition } from './setting.js';

const key = () => z.string().min(32, 'must have at least 32 characters').optional();

/** A host name, an address, or a network such as 10.0.0.0/8. */
function isHostOrNetwork(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/');
  const version = isIP(address);
  if (bits === undefined) return version !== 0 || /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/.test(value);
  return (
    rest.length === 0 && version !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
  );
}

/** Remotes: their credentials, where they may lead, how they are looked after. */
export const REMOTES_SETTINGS = {
  remotesKey: {
    env: 'STEWARD_REMOTES_KEY',
    help: 'Seals the credentials of remotes: at least 32 characters, the same for every process. When absent the key is made from STEWARD_SECRET.',
    schema: key(),
    example: 'the output of: openssl rand -base64 48',
    secret: true,
  },
  remotesPreviousKey: {
    env: 'STEWARD_REMOTES_PREVIOUS_KEY',
    help: 'The STEWARD_REMOTES_KEY (or STEWARD_SECRET) of before, until `npm run steward -- remotes reseal` has sealed everything anew.',
    schema: key(),
    example: 'the former value of STEWARD_REMOTES_KEY',
    secret: true,
  },
  remotesAllowedHosts: {
    env: 'STEWARD_REMOTES_ALLOWED_HOSTS',
    help: 'Comma-separated host names, addresses and networks (10.1.0.0/16) inside your own network that remotes may lead to. When absent none: loopback, private, link-local and metadata addresses are refused.',
    schema: z
      .string()
      .optional()
      .transform((value) => (value ?? '').split(',').map((part) => part.trim().toLowerCase()))
      .transform((parts) => [...new Set(parts.filter((part) => part !== ''))])
      .refine(
        (parts) => parts.every(isHostOrNetwork),
        'must name hosts, addresses or networks, separated by commas',
      ),
    example: 'nas.example.org,10.1.0.0/16',
  },
  remotesMadeBy: {
    env: 'STEWARD_REMOTES_MADE_BY',
    help: 'Who may make remotes: users or admins. Local ones are made by admins only.',
    schema: z
      .enum(['users', 'admins'], { error: 'must be users or admins' })
      .optional()
      .transform((value) => value ?? 'users'),
    example: 'users',
  },
  remotesCheckSeconds: {
    env: 'STEWARD_REMOTES_CHECK_SECONDS',
    help: 'Remotes that were used within a day are checked this often, in seconds. 0: only when somebody asks.',
    schema: wholeNumber(900, 0, 86_400),
    example: '900',
  },
} as const satisfies Record<string, SettingDefinition>;
