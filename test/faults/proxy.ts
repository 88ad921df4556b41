import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A cable between the servers under test and a store, that can be cut without anybody being told: what is sent is
 * swallowed and no end of the connection is announced. Connections cut stay dead for ever, as behind a firewall that
 * has forgotten them; new ones work again after `mend`.
 */
export class Proxy {
  private readonly pairs = new Set<Pair>();
  private cut = false;

  private constructor(
    private readonly server: Server,
    private readonly target: number,
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

  mend(): void {
    this.cut = false;
  }

  close(): void {
    this.server.close();
    for (const { client, store } of this.pairs) {
      client.destroy();
      store.destroy();
    }
  }

  private accept(client: Socket): void {
    const store = connect(this.target, '127.0.0.1');
    const pair: Pair = { client, store, dead: this.cut };
    this.pairs.add(pair);
    for (const [from, to] of [
      [client, store],
      [store, client],
    ] as const) {
      from.setNoDelay(true);
      from.on('data', (data) => {
        if (!pair.dead && !to.destroyed) to.write(data);
      });
      // The store never hears that a client whose cable was cut has gone, and the other way round.
      from.on('error', () => undefined);
      from.on('close', () => {
        if (!pair.dead) to.destroy();
        if (client.destroyed && store.destroyed) this.pairs.delete(pair);
      });
    }
  }
}

interface Pair {
  readonly client: Socket;
  readonly store: Socket;
  dead: boolean;
}
