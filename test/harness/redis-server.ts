import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { freePort } from '../../src/kernel/database/embedded/postmaster.js';
import { until } from './until.js';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Stops it from answering although its connections stay open, as a machine that hangs would. */
  freeze(): void;
  /** After `freeze`: goes on. */
  thaw(): void;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

/** A Redis of one test alone, for what would disturb others: outages, passwords, policies. */
export async function startRedisServer(
  options: Readonly<Record<string, string>> = {},
  port?: number,
): Promise<RedisServer> {
  const own = port ?? (await freePort());
  const settings = { port: String(own), bind: '127.0.0.1', save: '', appendonly: 'no', ...options };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')]);
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await until(() => child.exitCode !== null || listens(own), { describe: 'redis-server to listen' });
  if (child.exitCode !== null) throw new Error(`redis-server ended with code ${child.exitCode}`);
  return {
    url: `redis://127.0.0.1:${own}`,
    port: own,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
