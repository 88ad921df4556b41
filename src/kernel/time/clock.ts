/**
 * The process's wall clock, injected so that tests can move it.
 *
 * Only for what the process itself decides (token expiry, log stamps). Due-ness, leases and every stored stamp
 * use the database's clock instead, because two processes never agree on the time.
 */
export abstract class Clock {
  abstract now(): Date;
}

export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }
}
