import { Secret, TOTP } from 'otpauth';
import { vi } from 'vitest';
import { Clock } from '../../src/kernel/time/index.js';
import type { AccountsApplication, Answer } from './accounts-application.js';

export const PASSWORD = 'a password of people with phones';

/** The clock of an application, standing still at a moment of the tests' choice. */
export class StoppedClock {
  private readonly spy;
  private at = Date.now();

  constructor(app: AccountsApplication) {
    this.spy = vi.spyOn(app.get(Clock), 'now').mockImplementation(() => new Date(this.at));
  }

  get now(): number {
    return this.at;
  }

  /** Back to the time of the database. */
  reset(): void {
    this.at = Date.now();
  }

  pass(seconds: number): void {
    this.at += seconds * 1000;
  }

  restore(): void {
    this.spy.mockRestore();
  }
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

let people = 0;

/** Somebody with an account, and an authenticator once they have set one up. */
export class Person {
  secret = '';
  recoveryCodes: string[] = [];

  private constructor(
    private readonly app: AccountsApplication,
    private readonly clock: StoppedClock,
    readonly id: string,
    readonly email: string,
    public token: string,
  ) {}

  static async register(app: AccountsApplication, clock: StoppedClock, role = 'user'): Promise<Person> {
    const email = `person-${people++}@factors.test`;
    const { body } = await app.call('POST', '/auth/register', { body: { email, password: PASSWORD } });
    const { user, accessToken } = body as unknown as Tokens & { user: { id: string } };
    if (role !== 'user') await app.sql('update users set role = $2 where id = $1', [user.id, role]);
    return new Person(app, clock, user.id, email, accessToken);
  }

  /** With a confirmed factor. The code of the present step is used up by that. */
  static async enrolled(app: AccountsApplication, clock: StoppedClock, role = 'user'): Promise<Person> {
    const person = await Person.register(app, clock, role);
    const { status, body } = await person.enrol();
    if (status !== 200) throw new Error(`no factor: ${JSON.stringify(body)}`);
    return person;
  }

  async begin(): Promise<Answer> {
    const answer = await this.post('/auth/factors/totp');
    if (answer.status === 201) this.secret = (answer.body as unknown as { secret: string }).secret;
    return answer;
  }

  async enrol(): Promise<Answer> {
    await this.begin();
    const answer = await this.confirm(this.code());
    if (answer.status === 200)
      this.recoveryCodes = (answer.body as unknown as { recoveryCodes: string[] }).recoveryCodes;
    return answer;
  }

  confirm(code: string, more: object = {}): Promise<Answer> {
    return this.post('/auth/factors/totp/confirm', { code, ...more });
  }

  /** What the phone shows, its clock being so many steps ahead. */
  code(steps = 0): string {
    return TOTP.generate({
      secret: Secret.fromBase32(this.secret),
      timestamp: this.clock.now + steps * 30_000,
    });
  }

  login(code?: unknown, password = PASSWORD): Promise<Answer> {
    return this.app.call('POST', '/auth/login', {
      body: { identifier: this.email, password, ...(code === undefined ? {} : { code }) },
    });
  }

  reauthenticate(code?: string, password = PASSWORD): Promise<Answer> {
    return this.post('/auth/reauthenticate', { password, ...(code === undefined ? {} : { code }) });
  }

  get(path: string): Promise<Answer> {
    return this.app.call('GET', path, { token: this.token });
  }

  post(path: string, body?: object): Promise<Answer> {
    return this.app.call('POST', path, { token: this.token, body });
  }

  delete(path: string): Promise<Answer> {
    return this.app.call('DELETE', path, { token: this.token });
  }

  /** As if the last login were so long ago. */
  async age(minutes: number): Promise<void> {
    await this.app.sql(
      'update sessions set authenticated_at = authenticated_at - make_interval(mins => $2) where user_id = $1',
      [this.id, minutes],
    );
  }

  /** The audit trail about this person, oldest first. */
  async audited(action: string): Promise<{ result: string; user_id: string | null; details: object }[]> {
    return this.app.sql(
      `select result, user_id, details from audit_logs
        where action = $1 and (resource_id = $2 or user_id = $2::uuid) order by id`,
      [action, this.id],
    );
  }

  async told(type: string): Promise<object[]> {
    const rows = await this.app.sql<{ data: object }>(
      `select data from events where type = $1 and user_id = $2 and subject_id = $2 and channel = 'account' order by seq`,
      [type, this.id],
    );
    return rows.map(({ data }) => data);
  }
}

export const outcome = ({ status, body }: Answer): [number, string | undefined] => [
  status,
  (body as unknown as { code?: string }).code,
];
