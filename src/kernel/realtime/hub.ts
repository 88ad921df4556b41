/** Called with each message of a topic. A listener that throws is logged and harms no other. */
export type HubListener = (message: object) => void;

/**
 * Short-lived messages between the processes of one installation: doorbells, progress, cancellations.
 *
 * `publish` hands the message to this process's listeners before it returns and to other processes soon after.
 * A message may be lost (a transport that is reconnecting drops it), identical messages published at the same
 * moment may arrive once, and there is no order between processes. So a message may speed something up or show
 * something passing, but whatever must happen has to be found in the database without it. Messages are JSON;
 * one larger than the transport carries (about 7 KB on PostgreSQL) reaches only this process, with a warning.
 */
export abstract class Hub {
  /**
   * Whether this process hears the others now, as far as it can tell: a connection whose other end vanished without
   * a word looks whole for some seconds.
   */
  abstract readonly connected: boolean;

  abstract publish(topic: string, message: object): void;

  /** Returns the function that ends the subscription. */
  abstract subscribe(topic: string, listener: HubListener): () => void;

  /** Runs after a lost connection to the other processes is back: the subscriber must assume it missed messages. */
  abstract onReconnect(listener: () => void): () => void;

  /** Connects; resolves after the first attempt, whether or not it succeeded, and keeps trying in the background. */
  abstract start(): Promise<void>;

  /** Sends what is pending, then disconnects for good. */
  abstract stop(): Promise<void>;
}
