import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A cable between the servers under test and what they need: a store, or the far side of a remote. It can be cut
 * without anybody being told: what is sent is swallowed and no end of the connection is announced. Connections cut
 * stay dead for ever, as behind a firewall that has forgotten them; new ones work again after `mend`. It can also
 * break loudly in the middle of what is sent, and be slow.
 */
export class Proxy {
  /** Connections there have been. */
  accepted = 0;
  private readonly pairs = new Set<Pair>();
  private cut = false;
  private unplugged = false;
  private breakingPoint: { left: number; broken: () => void } | null = null;
  private bytesPerSecond: number | null = null;
  /** When what was sent up to now has gone over a slow cable. */
  private busyUntil = 0;

  private constructor(
    private readonly server: Server,
    /** The port behind it; a new one is for new connections. */
    public target: number,
  ) {}

  static async to(target: number, port = 0): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server, target);
    server.on('connection', (client) => proxy.accept(client));
    server.listen({ port, host: '127.0.0.1' });
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** All connections of now, and those that are made until `mend`. */
  blackHole(): void {
    this.cut = true;
    for (const pair of this.pairs) pair.dead = true;
  }

  /** Breaks all connections of now, and every one that is made until `mend`. */
  unplug(): void {
    this.unplugged = true;
    this.breakAll();
  }

  mend(): void {
    this.cut = false;
    this.unplugged = false;
    this.bytesPerSecond = null;
  }

  /** Breaks all connections when this many more bytes have gone through, and resolves then. New ones work. */
  async breakAfter(bytes: number): Promise<void> {
    await new Promise<void>((broken) => {
      this.breakingPoint = { left: bytes, broken };
    });
  }

  /** Both directions of all connections together, until `mend`. */
  slow(bytesPerSecond: number): void {
    this.bytesPerSecond = bytesPerSecond;
  }

  close(): void {
    this.server.close();
    this.breakAll();
  }

  private breakAll(): void {
    for (const { client, store } of this.pairs) {
      client.destroy();
      store.destroy();
    }
  }

  private accept(client: Socket): void {
    this.accepted++;
    if (this.unplugged) {
      client.destroy();
      return;
    }
    const store = connect(this.target, '127.0.0.1');
    const pair: Pair = { client, store, dead: this.cut };
    this.pairs.add(pair);
    for (const [from, to] of [
      [client, store],
      [store, client],
    ] as const) {
      from.setNoDelay(true);
      from.on('data', (data) => {
        if (pair.dead || to.destroyed) return;
        if (!to.write(data)) this.pause(from, to);
        this.count(data.length, from);
      });
      // The store never hears that a client whose cable was cut has gone, and the other way round.
      from.on('error', () => undefined);
      from.on('close', () => {
        if (!pair.dead) to.destroy();
        if (client.destroyed && store.destroyed) this.pairs.delete(pair);
      });
    }
  }

  private pause(from: Socket, to: Socket): void {
    from.pause();
    to.once('drain', () => from.resume());
  }

  private count(bytes: number, from: Socket): void {
    if (this.breakingPoint !== null && (this.breakingPoint.left -= bytes) <= 0) {
      const { broken } = this.breakingPoint;
      this.breakingPoint = null;
      this.breakAll();
      broken();
    }
    if (this.bytesPerSecond === null) return;
    const now = performance.now();
    this.busyUntil = Math.max(this.busyUntil, now) + (bytes / this.bytesPerSecond) * 1000;
    from.pause();
    setTimeout(() => from.resume(), this.busyUntil - now).unref();
  }
}

interface Pair {
  readonly client: Socket;
  readonly store: Socket;
  dead: boolean;
}
