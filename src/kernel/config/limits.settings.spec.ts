import { describe, expect, it } from 'vitest';
import { inNetworks } from './limits.settings.js';
import { loadSettings } from './settings.js';

const trusted = (text: string) => inNetworks(loadSettings({ STEWARD_TRUSTED_PROXIES: text }).trustedProxies);

describe('trusted proxies', () => {
  it('are none unless told', () => {
    const isTrusted = inNetworks(loadSettings({}).trustedProxies);
    for (const address of ['127.0.0.1', '::1', '10.0.0.1', '']) expect(isTrusted(address)).toBe(false);
  });

  it('may be addresses, networks and names', () => {
    const isTrusted = trusted(' loopback, 192.0.2.0/24 ,2001:db8::/32,203.0.113.9');
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '192.0.2.200', '2001:db8::1'])
      expect([address, isTrusted(address)]).toEqual([address, true]);
    for (const address of ['203.0.113.8', '192.0.3.1', '2001:db9::1', '10.0.0.1', 'nonsense', ''])
      expect([address, isTrusted(address)]).toEqual([address, false]);
    expect(trusted('private')('172.20.0.3')).toBe(true);
  });

  it.each(['everybody', '10.0.0.0/33', '0.0.0.0/0', '::/0', '10.0.0', '1.2.3.4/x', '*', 'true', '1', 'ไทย'])(
    'cannot be %s',
    (text) => expect(() => trusted(text)).toThrow(/STEWARD_TRUSTED_PROXIES must list/),
  );
});
