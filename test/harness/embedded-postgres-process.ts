import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { z } from 'zod';

const PROGRAM = path.resolve(import.meta.dirname, '../fixtures/embedded-postgres-user.mjs');

const startedServer = z.object({ url: z.string(), port: z.number(), adopted: z.boolean() });
const answers = z.union([startedServer, z.object({ error: z.string() })]);

/** Another Node process that uses an embedded PostgreSQL, to be released in order or killed. */
export class EmbeddedPostgresProcess {
  private readonly lines: Interface;
  private readonly pending: string[] = [];

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.lines = createInterface(child.stdout);
    this.lines.on('line', (line) => this.pending.push(line));
    child.stderr.pipe(process.stderr);
  }

  /** Resolves when the process has loaded everything, so that several can start their servers at one moment. */
  static async spawn(directory: string): Promise<EmbeddedPostgresProcess> {
    const started = new EmbeddedPostgresProcess(spawn(process.execPath, [PROGRAM, directory]));
    await started.nextLine();
    return started;
  }

  async start(): Promise<z.infer<typeof startedServer>> {
    this.child.stdin.write('start\n');
    const answer = answers.parse(JSON.parse(await this.nextLine()));
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  }

  async release(): Promise<void> {
    this.child.stdin.end('release\n');
    await this.nextLine();
    await this.exit();
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit();
  }

  private async exit(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }

  private async nextLine(): Promise<string> {
    if (this.pending.length === 0) {
      await Promise.race([once(this.lines, 'line'), once(this.lines, 'close')]);
    }
    const line = this.pending.shift();
    if (line === undefined) throw new Error('the process ended without an answer');
    return line;
  }
}
