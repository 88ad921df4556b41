import type { EngineRemote } from './transfer-engine.js';

const SECRET = /pass|token|secret|key|sas|bearer|credentials|headers|^account$/;
/** A shorter text occurs in messages by chance, and cutting it out would tell more than it hides. */
const SHORTEST = 4;
const IN_PLACE = '***';
const LONGEST = 10_000;
const CAUSED_BY = 'caused by: ';

/**
 * Cuts out of messages what their readers must not see: folders of the server, and whatever a remote logs in with.
 * rclone and the far sides repeat in errors what they were sent.
 */
export class Redactor {
  private readonly folders: string[];
  private readonly secrets: string[];

  constructor(remotes: readonly EngineRemote[]) {
    const all = remotes.flatMap(withParts);
    // The longest first, else one inside another would leave its tail behind.
    const longestFirst = (texts: Iterable<string>): string[] =>
      [...new Set(texts)].toSorted((a, b) => b.length - a.length);
    this.folders = longestFirst(
      all
        .filter(({ type }) => type === 'local')
        .map(({ root }) => root.replace(/\/+$/, ''))
        .filter((root) => root !== ''),
    );
    this.secrets = longestFirst(all.flatMap(secretsOf).filter(({ length }) => length >= SHORTEST));
  }

  text(whole: string): string {
    // What follows the first line is for those who make rclone: it may hold anything. But S3 says only in a second one
    // what is wrong: "send request failed" does not tell that there is no such host.
    const [first = '', second = ''] = whole.slice(0, LONGEST).split('\n');
    const message = second.startsWith(CAUSED_BY) ? `${first}: ${second.slice(CAUSED_BY.length)}` : first;
    const shown = this.folders.reduce((text, folder) => text.replaceAll(folder, ''), message);
    return this.secrets
      .reduce((text, secret) => text.replaceAll(secret, IN_PLACE), shown)
      .replace(/(\w:\/\/)[^/@\s"]+@/g, `$1${IN_PLACE}@`)
      .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/gi, `$1 ${IN_PLACE}`)
      .replace(/([?&](?:sig|X-Amz-[A-Za-z-]+|access_token|key)=)[^&\s"]+/g, `$1${IN_PLACE}`);
  }
}

export const withParts = (remote: EngineRemote): EngineRemote[] => [
  remote,
  ...remote.parts.flatMap((part) => withParts(part.remote)),
];

function secretsOf({ options }: EngineRemote): string[] {
  return Object.entries(options).flatMap(([key, value]) => {
    if (typeof value !== 'string' || !SECRET.test(key)) return [];
    // As it is, as it stands in an address, and each text inside a token.
    const inside = [...value.matchAll(/"((?:[^"\\]|\\.){8,})"/g)].map(([, text = '']) => text);
    return [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), ...inside];
  });
}
