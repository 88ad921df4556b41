/** What a transport tells the hub. */
export interface TransportEvents {
  received(payload: string): void;
  /** Connected again after a loss: messages may have been missed. */
  reconnected(): void;
}

/** Carries texts to the other processes; everything it is sent it may also hand back to the sender. */
export interface HubTransport {
  /** Largest text it can carry, in bytes. */
  readonly maxBytes: number;
  /** Least time between two `send`s, in milliseconds. */
  readonly intervalMs: number;
  /** The subscription is in force: as far as this end can tell, nothing that is sent is missed. */
  readonly connected: boolean;
  /** Resolves after the first attempt to connect, whatever came of it. */
  start(events: TransportEvents): Promise<void>;
  /** One round trip for all payloads. Rejects when they were not sent. */
  send(payloads: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}
