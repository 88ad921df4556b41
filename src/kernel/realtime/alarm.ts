/** One timer for one piece of work: setting it again moves it. Never keeps the process alive. */
export class Alarm {
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly work: () => void) {}

  /** Rings in so many milliseconds. */
  set(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.work, milliseconds).unref();
  }

  clear(): void {
    clearTimeout(this.timer);
  }
}
