import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { quietLog } from '../../../test/harness/quiet-log.js';
import { SilentHub } from '../../../test/harness/silent-hub.js';
import { Authenticator, type Identity, type SessionActor, type UserActor } from '../auth/index.js';
import { CredentialChanges } from './credential-changes.js';
import { SseRegistry } from './sse-registry.js';
import { SseStream } from './sse.js';

class Sessions extends Authenticator {
  readonly ended = new Set<string>();
  asked = 0;
  authenticate(): Promise<Identity> {
    return Promise.reject(new Error('nobody asks here'));
  }
  async stillHolds(actor: UserActor): Promise<boolean> {
    this.asked += 1;
    return !this.ended.has((actor as SessionActor).sessionId);
  }
}

const actor = (sessionId: string): UserActor => ({ type: 'user', userId: 'u', role: 'user', sessionId });
const stream = (): SseStream =>
  new SseStream(
    Object.assign(new EventEmitter(), {
      write: () => true,
      end: () => undefined,
    }) as unknown as ServerResponse,
  );
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('ends a stream whose session ended while it was being opened', async () => {
  const sessions = new Sessions();
  const registry = new SseRegistry(sessions, new CredentialChanges(new SilentHub()), quietLog());
  const [late, other] = [stream(), stream()];
  sessions.ended.add('s1');
  registry.add(late, actor('s1'));
  registry.add(other, actor('s2'));
  await turn();
  expect([late.closed, other.closed]).toEqual([true, false]);
  registry.closeAll();
});

it('asks about those alone that a change concerns', async () => {
  const sessions = new Sessions();
  const listeners: ((message: object) => void)[] = [];
  class Loud extends SilentHub {
    override subscribe(_topic?: string, listener?: (message: object) => void): () => void {
      if (listener) listeners.push(listener);
      return () => undefined;
    }
  }
  const registry = new SseRegistry(sessions, new CredentialChanges(new Loud()), quietLog());
  registry.onModuleInit();
  const [one, other] = [stream(), stream()];
  registry.add(one, actor('s1'));
  registry.add(other, actor('s2'));
  await turn();
  sessions.asked = 0;
  sessions.ended.add('s1').add('s2');
  listeners[0]?.({ sessionIds: ['s1'] });
  await turn();
  expect([one.closed, other.closed, sessions.asked]).toEqual([true, false, 1]);
  listeners[0]?.({ userIds: 'nonsense' });
  listeners[0]?.({ keyIds: ['s2'] });
  await turn();
  expect(other.closed).toBe(false);
  listeners[0]?.({ userIds: ['u'] });
  await turn();
  expect(other.closed).toBe(true);
});
