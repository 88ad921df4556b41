interface Waiting {
  readonly since: number;
  readonly answer: (taken: boolean) => void;
}

/** A number of places that are taken for a while, first come, first served. */
export class Places {
  private readonly waiting: Waiting[] = [];
  private taken = 0;
  private closed = false;

  constructor(private most: number) {}

  /** At once, or false. Nobody who waits is overtaken. */
  tryTake(): boolean {
    if (this.closed || this.taken >= this.most || this.waiting.length > 0) return false;
    this.taken++;
    return true;
  }

  /** False: it waited in vain, until `dismiss` or `close`. */
  take(): Promise<boolean> {
    if (this.tryTake()) return Promise.resolve(true);
    if (this.closed) return Promise.resolve(false);
    return new Promise((answer) => this.waiting.push({ since: performance.now(), answer }));
  }

  give(): void {
    this.taken--;
    this.fill();
  }

  /** With fewer than are taken, those who have one keep it. */
  resize(most: number): void {
    this.most = most;
    this.fill();
  }

  /** Sends away who has waited longer than this. Answers how many. */
  dismiss(milliseconds: number): number {
    const before = performance.now() - milliseconds;
    const first = this.waiting.findIndex(({ since }) => since > before);
    const gone = this.waiting.splice(0, first === -1 ? this.waiting.length : first);
    for (const { answer } of gone) answer(false);
    return gone.length;
  }

  /** Nobody gets one any more. */
  close(): void {
    this.closed = true;
    for (const { answer } of this.waiting.splice(0)) answer(false);
  }

  private fill(): void {
    while (this.taken < this.most) {
      const next = this.waiting.shift();
      if (!next) return;
      this.taken++;
      next.answer(true);
    }
  }
}
