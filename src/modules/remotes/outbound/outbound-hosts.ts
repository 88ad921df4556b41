import { lookup } from 'node:dns/promises';
import { isIP, isIPv4, type BlockList } from 'node:net';
import { TransferError, type EngineRemote } from '../engine/transfer-engine.js';
import { within } from '../../../kernel/time/index.js';
import { isInternal, networks } from './address.js';

/** Where a name leads: all of its addresses. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const RESOLVE_LIMIT_MS = 5_000;

/** A host that must not be asked. The message names it and no address, which would map the network inside. */
export class HostRefused extends Error {
  override readonly name = 'HostRefused';
}

/** The host cannot be found just now. */
export class HostUnknown extends Error {
  override readonly name = 'HostUnknown';
}

/**
 * Keeps remotes out of the network that Steward itself is in: a host is asked only when all its addresses are public,
 * or `allowed` names the host, the address or its network.
 *
 * Asked when a remote is saved and again before each use, because a name can lead elsewhere any time. rclone looks
 * the name up once more, so a name server that answers differently within that moment gets through; so does a public
 * server that redirects. Who fears that runs the worker behind a firewall (ADR 23).
 */
export class OutboundHosts {
  private readonly names: ReadonlySet<string>;
  private readonly networks: BlockList;

  constructor(
    allowed: readonly string[],
    private readonly resolve: Resolve = resolveBySystem,
  ) {
    this.names = new Set(allowed);
    this.networks = networks(allowed);
  }

  /** Throws `HostRefused`, and `HostUnknown` when it has no address. `host` may be in brackets. */
  async check(host: string): Promise<void> {
    const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
    if (this.names.has(name)) return;
    const addresses = isIP(name) === 0 ? await this.addressesOf(name) : [name];
    if (addresses.some((address) => isInternal(address) && !this.isAllowed(address)))
      throw new HostRefused(
        `The host ${name} is inside the server's own network, where remotes may not lead (STEWARD_REMOTES_ALLOWED_HOSTS).`,
      );
  }

  /** The same for a remote and all it is made of, for the engine: throws `TransferError`. */
  async assertReachable(remote: Pick<EngineRemote, 'type' | 'options' | 'parts'>): Promise<void> {
    try {
      for (const host of hostsOf(remote)) await this.check(host);
    } catch (cause) {
      if (cause instanceof HostRefused) throw new TransferError('permission', cause.message, { cause });
      if (cause instanceof HostUnknown) throw new TransferError('temporary', cause.message, { cause });
      throw cause;
    }
    for (const part of remote.parts) await this.assertReachable(part.remote);
  }

  private isAllowed(address: string): boolean {
    return this.networks.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  }

  private async addressesOf(name: string): Promise<readonly string[]> {
    const unknown = (cause?: unknown) => new HostUnknown(`The host ${name} cannot be found.`, { cause });
    const found = await within(this.resolve(name), RESOLVE_LIMIT_MS, unknown).catch((error: unknown) => {
      throw unknown(error);
    });
    if (found.length === 0) throw unknown();
    return found;
  }
}

/** The hosts that whoever configured it has chosen, by rclone's names of the options. */
export function hostsOf({ options }: Pick<EngineRemote, 'options'>): string[] {
  const addresses = ['url', 'endpoint', 'sas_url', 'auth_url', 'token_url', 'download_url'].flatMap((key) =>
    typeof options[key] === 'string' ? [hostIn(options[key])] : [],
  );
  return typeof options['host'] === 'string' ? [options['host'], ...addresses] : addresses;
}

/** An address that cannot be understood is asked for as it is, and found nowhere. */
const hostIn = (address: string): string =>
  URL.canParse(address) ? new URL(address).hostname : `not an address: ${address.slice(0, 50)}`;

async function resolveBySystem(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);
}
