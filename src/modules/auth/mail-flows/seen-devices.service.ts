import { Injectable } from '@nestjs/common';
import { createHmac, type KeyObject } from 'node:crypto';
import { Keyring } from '../../../kernel/crypto/index.js';
import type { Tx } from '../../../kernel/database/index.js';
import { requestContext } from '../../../kernel/http/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { ACCOUNT_CHANNEL } from '../auth.events.js';
import { NEW_DEVICE_USED } from './account-mail.events.js';
import { coarseNetwork, deviceName } from './device-kind.js';
import { SeenDevicesRepository } from './seen-devices.repository.js';

/**
 * Notices when an account is used from a kind of device and network it was never used from before (ASVS 6.3.5). The
 * very first one is no news. Kept is a keyed hash for each account: it tells nothing, and the same device of two
 * people looks different.
 */
@Injectable()
export class SeenDevices {
  private readonly key: KeyObject;

  constructor(
    private readonly devices: SeenDevicesRepository,
    private readonly events: Events,
    keyring: Keyring,
  ) {
    this.key = keyring.derive('seen device');
  }

  /** Joins the transaction of the login. */
  async note(tx: Tx, userId: string, sessionId: string): Promise<void> {
    const context = requestContext.current();
    const device = deviceName(context?.userAgent ?? null);
    const network = coarseNetwork(context?.ipAddress ?? null);
    const hash = createHmac('sha256', this.key)
      .update(JSON.stringify([userId, device, network]))
      .digest();
    const { isNew, isFirst } = await this.devices.note(tx, userId, hash);
    if (isNew && !isFirst)
      await this.events.record(tx, [
        { type: NEW_DEVICE_USED, channel: ACCOUNT_CHANNEL, userId, subjectId: sessionId, data: {} },
      ]);
  }
}
