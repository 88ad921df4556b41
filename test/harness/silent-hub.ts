import { Hub } from '../../src/kernel/realtime/index.js';

/** A hub that reaches nobody: for showing that everything is found without a single message. */
export class SilentHub extends Hub {
  readonly connected = false;
  publish(): void {}
  subscribe(): () => void {
    return () => undefined;
  }
  onReconnect(): () => void {
    return () => undefined;
  }
  start(): Promise<void> {
    return Promise.resolve();
  }
  stop(): Promise<void> {
    return Promise.resolve();
  }
}
