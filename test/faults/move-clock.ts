/**
 * Loaded before the server: moves the clock of the process by FAULT_CLOCK_HOURS at SIGUSR2, and back at the next
 * one. Only the wall clock: timers and `performance.now()` go on, as they do when an operator sets the time.
 */
const hours = Number(process.env['FAULT_CLOCK_HOURS'] ?? 0);
const RealDate = Date;
let offset = 0;

class MovedDate extends RealDate {
  constructor(...parts: unknown[]) {
    if (parts.length === 0) super(MovedDate.now());
    else super(...(parts as [number]));
  }
  static override now(): number {
    return RealDate.now() + offset;
  }
}

globalThis.Date = MovedDate as DateConstructor;
process.on('SIGUSR2', () => {
  offset = offset === 0 ? hours * 3_600_000 : 0;
});
