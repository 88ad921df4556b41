import { describe, expect, it } from 'vitest';
import { TransferError } from '../engine/transfer-engine.js';
import { isInternal } from './address.js';
import { HostRefused, HostUnknown, OutboundHosts, hostsOf } from './outbound-hosts.js';

describe('which addresses lead inside', () => {
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.254',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '127.1',
    '2130706433',
    'localhost',
    '',
  ])('%j', (address) => {
    expect(isInternal(address)).toBe(true);
  });

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '172.32.0.1',
    '192.167.1.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('not %j', (address) => {
    expect(isInternal(address)).toBe(false);
  });
});

/** Names lead where the table says. */
const resolve = (table: Record<string, string[]>) => (host: string) =>
  table[host] ? Promise.resolve(table[host]) : Promise.reject(new Error('ENOTFOUND'));

describe('OutboundHosts', () => {
  const table = {
    'public.example': ['1.1.1.1', '2606:4700::1111'],
    'mixed.example': ['1.1.1.1', '127.0.0.1'],
    'mapped.example': ['::ffff:10.0.0.1'],
    localhost: ['127.0.0.1', '::1'],
    'nas.lan': ['192.168.1.5'],
    empty: [],
  };

  it('lets pass what is public with all its addresses', async () => {
    const hosts = new OutboundHosts([], resolve(table));
    await hosts.check('public.example');
    await hosts.check('1.1.1.1');
    await hosts.check('[2606:4700::1111]');
    for (const host of [
      'mixed.example',
      'mapped.example',
      'localhost',
      'nas.lan',
      '127.0.0.1',
      '[::1]',
      '169.254.169.254',
    ])
      await expect(hosts.check(host), host).rejects.toThrow(HostRefused);
    for (const host of ['nowhere.example', 'empty'])
      await expect(hosts.check(host), host).rejects.toThrow(HostUnknown);
  });

  it('does not tell the address a name leads to', async () => {
    const message = await new OutboundHosts([], resolve(table)).check('nas.lan').catch(String);
    expect(message).not.toContain('192.168');
  });

  it('lets pass what a setting allows, by name, address or network', async () => {
    const hosts = new OutboundHosts(['nas.lan', '127.0.0.1', '10.0.0.0/8', '::1'], resolve(table));
    for (const host of ['NAS.lan', '127.0.0.1', 'localhost', '10.9.8.7', '[::1]']) await hosts.check(host);
    for (const host of ['127.0.0.2', '192.168.1.5'])
      await expect(hosts.check(host), host).rejects.toThrow(HostRefused);
  });

  it('asks for a remote and all its parts, as the engine tells errors', async () => {
    const hosts = new OutboundHosts([], resolve(table));
    const remote = (options: Record<string, string>, parts: object[] = []) =>
      ({ id: 'x', type: 'sftp', root: '', version: 1, options, parts }) as never;
    await hosts.assertReachable(remote({ host: 'public.example' }));
    await expect(hosts.assertReachable(remote({ url: 'http://nas.lan/dav' }))).rejects.toMatchObject({
      kind: 'permission',
    });
    await expect(hosts.assertReachable(remote({ endpoint: 'https://gone.example' }))).rejects.toMatchObject({
      kind: 'temporary',
    });
    const inner = { remote: remote({ host: '10.0.0.1' }), path: '', name: null, readOnly: false };
    const outer = { remote: remote({}, [inner]), path: '', name: null, readOnly: false };
    await expect(hosts.assertReachable(remote({}, [outer]))).rejects.toThrow(TransferError);
  });

  it('finds every host in the options', () => {
    expect(
      hostsOf({
        options: {
          host: 'a',
          url: 'http://b:1/x',
          endpoint: 'https://c',
          sas_url: 'https://d/?e',
          region: 'f',
        },
      }),
    ).toEqual(['a', 'b', 'c', 'd']);
    expect(hostsOf({ options: { endpoint: 'no address' } })).toEqual(['not an address: no address']);
  });
});
