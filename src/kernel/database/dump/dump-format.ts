/** What the first line of a dump says. */
export interface DumpHead {
  /** The last migration of the database that was dumped. */
  readonly schema: string;
  /** The moment whose rows it has. */
  readonly at: string;
}

/** The last line: a dump without it was cut off. */
export const END_OF_DUMP = '-- end of dump';

const HEAD = /^-- Steward dump of (\S+), schema (\S+)$/;

export const headOf = ({ schema, at }: DumpHead): string => `-- Steward dump of ${at}, schema ${schema}`;

/** Null for a line that no dump begins with. */
export function readHead(line: string): DumpHead | null {
  const [, at, schema] = HEAD.exec(line) ?? [];
  return at && schema ? { schema, at } : null;
}

/** Splits bytes into lines without their ends. Fails for a line of more than `most` bytes. */
export async function* linesOf(source: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  let length = 0;
  for await (const bytes of source) {
    let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield begun.length === 0 ? rest.subarray(0, end) : Buffer.concat([...begun, rest.subarray(0, end)]);
      begun = [];
      length = 0;
      rest = rest.subarray(end + 1);
    }
    if (rest.length === 0) continue;
    length += rest.length;
    if (length > most) throw new Error(`a line of the dump is longer than ${most} bytes`);
    begun.push(rest);
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}
