import { Injectable } from '@nestjs/common';
import { createHmac, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';
import { Keyring } from '../../../kernel/crypto/index.js';
import { Clock } from '../../../kernel/time/index.js';

const FORM =
  /^dt\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{22})\.([0-9]{1,9})\.([A-Za-z0-9_-]{43})$/;
const DAY_MS = 86_400_000;
const LIFE_DAYS = 180;

/** The text of a token is never longer; what is longer is none. */
export const DEVICE_TOKEN_MAX = 200;

/**
 * Device tokens (OWASP: device cookies): they say that a device has logged in to an account before, and open nothing
 * by themselves. `dt.<user>.<device>.<day>.<mac>`, signed and not stored; good for 180 days from the last login.
 */
@Injectable()
export class DeviceTokens {
  private readonly key: KeyObject;

  constructor(
    keyring: Keyring,
    private readonly clock: Clock,
  ) {
    this.key = keyring.derive('device token');
  }

  /** A token for the device, or for a new one. */
  issue(userId: string, device: string = randomBytes(16).toString('base64url')): string {
    const text = `${userId}.${device}.${this.today()}`;
    return `dt.${text}.${this.mac(text).toString('base64url')}`;
  }

  /** Whose it is and of which device; null for one we never made and one that is too old. */
  read(token: string): { readonly userId: string; readonly device: string } | null {
    const [, userId, device, day, mac] = FORM.exec(token) ?? [];
    if (userId === undefined || device === undefined || day === undefined || mac === undefined) return null;
    if (!timingSafeEqual(Buffer.from(mac, 'base64url'), this.mac(`${userId}.${device}.${day}`))) return null;
    return this.today() - Number(day) < LIFE_DAYS ? { userId, device } : null;
  }

  private today(): number {
    return Math.floor(this.clock.now().getTime() / DAY_MS);
  }

  private mac(text: string): Buffer {
    return createHmac('sha256', this.key).update(text).digest();
  }
}
