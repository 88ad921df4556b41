import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkOf } from './network-of.js';

describe('what counts as one client', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:cb00:7107', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    [null, 'unknown'],
    ['', 'unknown'],
    ['nonsense', 'unknown'],
    ['203.0.113.7:443', 'unknown'],
    ['999.0.0.1', 'unknown'],
  ])('of %j is %s', (address, network) => expect(networkOf(address)).toBe(network));

  it('is the same for all addresses of a /64 and another one beside it', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (address, host) => {
        const network = networkOf(address);
        fc.pre(network.endsWith('::/64'));
        const groups = [48n, 32n, 16n, 0n].map((shift) => ((host >> shift) & 0xffffn).toString(16));
        const prefix = network.slice(0, -'::/64'.length);
        fc.pre(!(/^0:0:0:0$/.test(prefix) && groups[0] === '0' && groups[1] === 'ffff'));
        expect(networkOf(`${prefix}:${groups.join(':')}`)).toBe(network);
        const [first = '0', ...others] = prefix.split(':');
        const beside = ((Number.parseInt(first, 16) + 1) & 0xffff).toString(16);
        expect(networkOf([beside, ...others, ...groups].join(':'))).not.toBe(network);
      }),
    );
  });
});
