import type { Answer, TestApp } from './app.js';

export const PASSWORD = 'parola, 비밀번호, رمز';

interface Tokens {
  readonly user: { readonly id: string; readonly email: string; readonly isVerified: boolean };
  readonly accessToken: string;
}

/** Somebody who uses the application over HTTP. */
export class Person {
  token = '';
  id = '';

  constructor(
    private readonly app: TestApp,
    public email: string,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  static async register(app: TestApp, email: string, more: object = {}, headers = {}): Promise<Person> {
    const person = new Person(app, email, headers);
    const { status, body } = await person.post<Tokens>('/auth/register', {
      email,
      password: PASSWORD,
      ...more,
    });
    if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
    person.token = body.accessToken;
    person.id = body.user.id;
    return person;
  }

  async post<Body = Record<string, unknown>>(place: string, body: object): Promise<Answer<Body>> {
    const token = this.token === '' ? null : this.token;
    return this.app.call<Body>('POST', `/api${place}`, { body, token, headers: this.headers });
  }

  async login(password = PASSWORD, headers: Readonly<Record<string, string>> = {}): Promise<Answer<Tokens>> {
    const answer = await this.app.call<Tokens>('POST', '/api/auth/login', {
      body: { identifier: this.email, password },
      token: null,
      headers: { ...this.headers, ...headers },
    });
    if (answer.status === 200) this.token = answer.body.accessToken;
    return answer;
  }

  async me(): Promise<Answer<Tokens['user']>> {
    return this.app.call('GET', '/api/users/me', { token: this.token });
  }
}
