import { BoundedCache } from './bounded-cache.js';
import { SECONDS_PER_DAY } from './calendar.js';

/**
 * A stretch of time with one offset from UTC, in whole seconds. `from` is included, `to` is not. `before` and
 * `after` are the offsets of the neighbours; they equal `offset` where a stretch ends only because the table does.
 * A clock on the wall shows `instant + offset`.
 */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
  readonly before: number;
  readonly after: number;
}

export class UnknownZoneError extends Error {
  constructor(readonly zone: string) {
    super(`"${zone}" is not an IANA time zone`);
    this.name = 'UnknownZoneError';
  }
}

/**
 * Offsets are probed this far apart. Since 1900 no two changes in the tz database lie closer together than 3.98
 * days (Freetown 1939; 6.9 days since 1970), so none is overlooked.
 */
const PROBE_STEP = 3 * SECONDS_PER_DAY;
/** One table covers this much, so a rule costs about 0.2 ms once per zone and year. */
const TABLE_SPAN = 366 * SECONDS_PER_DAY;
/**
 * Tables reach beyond their span: a change at its edge must show its neighbour, because a gap or overlap (at
 * most 24 h, Apia 2011) belongs to both sides.
 */
const TABLE_MARGIN = PROBE_STEP;
const TABLES_PER_ZONE = 512;

/** The changes of one IANA zone, read from the runtime's tz data through Intl and kept. */
export class Zone {
  private readonly formatter: Intl.DateTimeFormat;
  private readonly tables = new BoundedCache<number, readonly Segment[]>(TABLES_PER_ZONE);

  constructor(name: string) {
    // Newer runtimes also take bare offsets such as +05:30, which no rule may depend on.
    if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) throw new UnknownZoneError(name);
    try {
      this.formatter = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'gregory',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch {
      throw new UnknownZoneError(name);
    }
  }

  /** The stretch that contains an instant (seconds since 1970). */
  segmentAt(instant: number): Segment {
    const table = this.tables.getOrCompute(Math.floor(instant / TABLE_SPAN), (index) =>
      this.readTable(index),
    );
    let position = table.length - 1;
    while (table[position]!.from > instant) position -= 1;
    return table[position]!;
  }

  private readTable(index: number): readonly Segment[] {
    const from = index * TABLE_SPAN - TABLE_MARGIN;
    const to = (index + 1) * TABLE_SPAN + TABLE_MARGIN;
    const changes = [{ at: from, offset: this.offsetAt(from) }];
    for (let probe = from; probe < to; probe += PROBE_STEP) {
      const end = Math.min(probe + PROBE_STEP, to);
      const offset = this.offsetAt(end);
      if (offset !== changes.at(-1)!.offset) changes.push({ at: this.changeIn(probe, end), offset });
    }
    return changes.map(({ at, offset }, position) => {
      const next = changes[position + 1];
      const before = changes[position - 1]?.offset ?? offset;
      return { from: at, to: next?.at ?? to, offset, before, after: next?.offset ?? offset };
    });
  }

  /** The second of the one change between two probes with different offsets. */
  private changeIn(from: number, to: number): number {
    const offset = this.offsetAt(from);
    let same = from;
    let changed = to;
    while (changed - same > 1) {
      const middle = Math.floor((same + changed) / 2);
      if (this.offsetAt(middle) === offset) same = middle;
      else changed = middle;
    }
    return changed;
  }

  private offsetAt(instant: number): number {
    const numbers = this.formatter
      .format(instant * 1000)
      .match(/\d+/g)!
      .map(Number);
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = numbers;
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - instant;
  }
}

/** More than all names and aliases of the tz database. */
const zones = new BoundedCache<string, Zone>(1_000);

/** The shared zone of a name, whatever its case. Throws UnknownZoneError. */
export function zoneOf(name: string): Zone {
  return zones.getOrCompute(name.toLowerCase(), (key) => new Zone(key));
}
