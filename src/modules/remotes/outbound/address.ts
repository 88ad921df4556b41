import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Networks that do not belong to the public internet (IANA special-purpose registries), and what clouds put there. */
const IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Azure's machine agent: a public address that only leads inside.
  '168.63.129.16/32',
];

/** Of IPv6 only what is given out to the public counts as outside; these are the exceptions within it. */
const IPV6_PUBLIC = '2000::/3';
const IPV6_WITHIN = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const internal4 = networks(IPV4);
const public6 = networks([IPV6_PUBLIC]);
const internal6 = networks(IPV6_WITHIN);

/**
 * Whether an address leads to this machine, into its network, or nowhere in public. Everything that is no plain
 * address does. Addresses of IPv4 inside IPv6 (mapped, translated, 6to4, Teredo) are all internal: nobody needs them.
 */
export function isInternal(address: string): boolean {
  if (isIPv4(address)) return internal4.check(address, 'ipv4');
  if (!isIPv6(address) || address.includes('%')) return true;
  return !public6.check(address, 'ipv6') || internal6.check(address, 'ipv6');
}

/** Addresses and networks; names are left out. */
export function networks(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null;
    if (family === null) continue;
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
