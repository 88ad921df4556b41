import type { Answer, Person, Scheduling } from './scheduling.js';

const jobTemplate = { type: 'probe', payload: { label: 'x' } };
export const MINUTELY = { name: 'every minute', ruleType: 'interval', intervalSeconds: 60, jobTemplate };
export const NIGHTLY = { name: 'nightly', ruleType: 'cron', cronExpression: '0 2 * * *', jobTemplate };

/** The routes of schedules, or of calendars, called as one person unless told. */
export class SchedulesClient {
  constructor(
    private readonly scheduling: Scheduling,
    private readonly person: Person,
    private readonly place: '/schedules' | '/calendars' = '/schedules',
  ) {}

  as(person: Person): SchedulesClient {
    return new SchedulesClient(this.scheduling, person, this.place);
  }

  get(path: string): Promise<Answer> {
    return this.scheduling.call('GET', `${this.place}${path}`, { as: this.person });
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.scheduling.call('POST', `${this.place}${path}`, { as: this.person, body, headers });
  }

  /** With If-Match, which is `*` unless told; null leaves it out. */
  patch(id: string, body: unknown, version: string | null = '*'): Promise<Answer> {
    const headers = ifMatch(version);
    return this.scheduling.call('PATCH', `${this.place}/${id}`, { as: this.person, body, headers });
  }

  remove(id: string, version: string | null = '*'): Promise<Answer> {
    const headers = ifMatch(version);
    return this.scheduling.call('DELETE', `${this.place}/${id}`, { as: this.person, headers });
  }

  /** The id of a new schedule. */
  async created(body: object = MINUTELY): Promise<string> {
    const answer = await this.post('', body);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    return answer.body.id;
  }
}

const ifMatch = (version: string | null): Record<string, string> =>
  version === null ? {} : { 'if-match': version };

/** Status, and pointer and code of every wrong field. */
export const wrong = ({ status, body }: Answer) => ({
  status,
  errors: body.errors.map(({ pointer, code }) => [pointer, code]),
});
