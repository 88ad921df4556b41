import type { EngineRemote } from '../engine/transfer-engine.js';
import { secretKeysOf } from '../types/configuration.js';

const HIDDEN = '(hidden)';
/** Shorter texts occur everywhere, and would leave nothing of a message. */
const LEAST_LENGTH = 4;
/** A part of a secret that is shorter than this is a word such as `Bearer`. */
const LEAST_PART = 8;

/** A message of the far side or of rclone without what the remote and its parts log in with. */
export function withoutSecrets(message: string, remote: EngineRemote): string {
  const forms = secretsIn(remote)
    .flatMap((secret) => [secret, ...piecesOf(secret).filter((piece) => piece.length >= LEAST_PART)])
    .filter((secret) => secret.length >= LEAST_LENGTH)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
    .toSorted((a, b) => b.length - a.length);
  return forms.reduce((text, form) => text.replaceAll(form, HIDDEN), message);
}

function secretsIn({ type, options, parts }: EngineRemote): string[] {
  const keys = secretKeysOf(type);
  const own = Object.entries(options).filter(([key]) => keys.has(key));
  return [...own.map(([, value]) => String(value)), ...parts.flatMap(({ remote }) => secretsIn(remote))];
}

/** The fields of a token, the lines of a key, the words of a header: each says enough by itself. */
const piecesOf = (secret: string): string[] => secret.split(/[\s,"{}]|\\n/);
