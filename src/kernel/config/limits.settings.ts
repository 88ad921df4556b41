import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { wholeNumber, type SettingDefinition } from './setting.js';

/** Names for the networks that proxies usually stand in. */
const NAMED_NETWORKS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** How much anybody may ask for, and whose word about an address counts. */
export const LIMITS_SETTINGS = {
  rateLimitUser: {
    env: 'STEWARD_RATE_LIMIT_USER',
    help: 'Requests a signed-in user may send to one route within any 60 s. 0 for no limit.',
    schema: wholeNumber(600, 0, 1_000_000),
    example: '600',
  },
  rateLimitAnonymous: {
    env: 'STEWARD_RATE_LIMIT_ANONYMOUS',
    help: 'Requests one address (IPv6: one /64) may send to one route within any 60 s without valid credentials. 0 for no limit.',
    schema: wholeNumber(60, 0, 1_000_000),
    example: '60',
  },
  loginLimitAddress: {
    env: 'STEWARD_LOGIN_LIMIT_ADDRESS',
    help: 'Failed logins of one address within 5 minutes, for all accounts together. 0 for no limit.',
    schema: wholeNumber(10, 0, 1_000_000),
    example: '10',
  },
  loginLimitAccount: {
    env: 'STEWARD_LOGIN_LIMIT_ACCOUNT',
    help: 'Failed logins to one account within 15 minutes; then each further one waits longer, up to 15 minutes. A device that logged in before has a budget of its own. 0 for no limit.',
    schema: wholeNumber(5, 0, 1_000_000),
    example: '5',
  },
  guessLimitAddress: {
    env: 'STEWARD_GUESS_LIMIT_ADDRESS',
    help: 'Wrong refresh tokens, mailed tokens or codes of one address within 5 minutes, for each kind. 0 for no limit.',
    schema: wholeNumber(30, 0, 1_000_000),
    example: '30',
  },
  trustedProxies: {
    env: 'STEWARD_TRUSTED_PROXIES',
    help: 'Comma-separated addresses or networks of the reverse proxies in front, or the words loopback and private. Only their X-Forwarded-For is believed; when absent nobody’s. Set it behind a proxy, or all clients count as one address.',
    schema: z
      .string()
      .optional()
      .transform((value, context) => {
        const parts = (value ?? '').split(',').map((part) => part.trim());
        const networks = parts
          .filter((part) => part !== '')
          .flatMap((part) => NAMED_NETWORKS[part] ?? [part]);
        const wrong = networks.find((network) => !isNetwork(network));
        if (wrong === undefined) return networks;
        context.addIssue({
          code: 'custom',
          message: `must list addresses, networks such as 10.0.0.0/8, loopback or private; "${wrong}" is none`,
        });
        return z.NEVER;
      }),
    example: 'loopback,10.0.0.5',
  },
} as const satisfies Record<string, SettingDefinition>;

/** Whether an address (without its port) is in one of the networks, an IPv4 one also when written as IPv6. */
export function inNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', length] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  return (address) => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
}

function isNetwork(text: string): boolean {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  // A network of length 0 is the whole internet: everybody could then say to be anybody.
  const bits = length === undefined ? 1 : Number(length);
  return family !== 0 && bits >= 1 && bits <= (family === 4 ? 32 : 128);
}
