/** Place of an event in the order of delivery: transaction, then number within it. */
export interface Position {
  readonly xid: bigint;
  readonly seq: bigint;
}

const MAX_XID = 2n ** 64n - 1n;
const MAX_SEQ = 2n ** 63n - 1n;

/** Cursors travel as text, `<xid>-<seq>`, in the `id:` field of event streams. */
export const formatCursor = ({ xid, seq }: Position): string => `${xid}-${seq}`;

/** The position a cursor names, null when it is malformed or out of the range of the columns. */
export function parseCursor(cursor: string): Position | null {
  const parts = /^(\d{1,20})-(\d{1,19})$/.exec(cursor);
  if (!parts) return null;
  const position = { xid: BigInt(parts[1]!), seq: BigInt(parts[2]!) };
  return position.xid <= MAX_XID && position.seq <= MAX_SEQ ? position : null;
}

/** Negative when `a` is delivered before `b`, 0 when they are the same place. */
export function comparePositions(a: Position, b: Position): number {
  if (a.xid !== b.xid) return a.xid < b.xid ? -1 : 1;
  return a.seq === b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}
