import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { UserActor } from '../auth/index.js';
import type { Tx } from '../database/index.js';
import { Hub } from './hub.js';

const TOPIC = 'credentials';

const ids = z.array(z.string()).readonly().optional();
const credentialChange = z.object({
  /** These sessions have ended, or say something else about their person than before. */
  sessionIds: ids,
  /** These API keys have ended or may do something else. */
  keyIds: ids,
  /** Every credential of these users: deactivated, another role, all sessions ended. */
  userIds: ids,
});
export type CredentialChange = z.output<typeof credentialChange>;

/**
 * Tells every process, right after the commit, that what it knows about some sessions, keys or users is old. Like
 * every hub message it may get lost, so it only makes earlier what is found without it.
 */
@Injectable()
export class CredentialChanges {
  constructor(private readonly hub: Hub) {}

  /** Sent once the transaction has committed; this process's listeners have heard it before `tx` resolves. */
  announce(tx: Tx, change: CredentialChange): void {
    tx.afterCommit(() => this.hub.publish(TOPIC, change));
  }

  /** Returns the function that ends listening. */
  listen(listener: (change: CredentialChange) => void): () => void {
    return this.hub.subscribe(TOPIC, (message) => {
      const parsed = credentialChange.safeParse(message);
      if (parsed.success) listener(parsed.data);
    });
  }
}

/** Whether the change is about the credential this actor came with. */
export function concerns({ sessionIds, keyIds, userIds }: CredentialChange, actor: UserActor): boolean {
  if (userIds?.includes(actor.userId)) return true;
  return (
    (actor.type === 'user' ? sessionIds?.includes(actor.sessionId) : keyIds?.includes(actor.keyId)) ?? false
  );
}
