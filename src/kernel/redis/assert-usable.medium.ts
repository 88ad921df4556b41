import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { redisUrl } from '../../../test/harness/capabilities.js';
import { startRedisServer } from '../../../test/harness/redis-server.js';
import { RedisUnusableError, assertRedisUsable } from './assert-usable.js';

/** The message it is refused with. */
async function refusal(url: string): Promise<string> {
  const error: unknown = await assertRedisUsable(url).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RedisUnusableError);
  return (error as Error).message;
}

describe.skipIf(redisUrl() === undefined)('assertRedisUsable', () => {
  it('accepts a Redis that keeps every key', async () => {
    const warnings: string[] = [];
    await assertRedisUsable(redisUrl()!, (message) => warnings.push(message));
    expect(warnings).toEqual([]);
  });

  it('refuses an eviction policy and says how to change it', async () => {
    const server = await startRedisServer({ 'maxmemory-policy': 'allkeys-lru' });
    const message = await refusal(server.url);
    expect(message).toContain(`127.0.0.1:${server.port} has maxmemory-policy allkeys-lru`);
    expect(message).toContain('config set maxmemory-policy noeviction');
    await server.kill();
  });

  it('names the address and never the password', async () => {
    const server = await startRedisServer({ requirepass: 'right' });
    const message = await refusal(`redis://:opensesame@127.0.0.1:${server.port}`);
    expect(message).toMatch(new RegExp(`^Redis at 127.0.0.1:${server.port} cannot be used: WRONGPASS`));
    expect(message).not.toContain('opensesame');
    expect(await refusal(server.url)).toContain('NOAUTH');
    await assertRedisUsable(`redis://:right@127.0.0.1:${server.port}`);
    await server.kill();
    expect(await refusal(server.url)).toContain('ECONNREFUSED');
  });

  it('takes on trust a Redis that does not tell its policy, with a warning', async () => {
    const server = await startRedisServer({ user: 'limited on >secret ~* &* +@all -info' });
    const warnings: string[] = [];
    await assertRedisUsable(`redis://limited:secret@127.0.0.1:${server.port}`, (message) =>
      warnings.push(message),
    );
    expect(warnings.join()).toContain('make sure that it is noeviction');
    await server.kill();
  });

  it('gives up on a server that accepts and says nothing', { timeout: 10_000 }, async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const began = performance.now();
    expect(await refusal(`redis://127.0.0.1:${port}`)).toContain(`127.0.0.1:${port} cannot be used`);
    expect(performance.now() - began).toBeLessThan(7_000);
    silent.close();
  });
});
