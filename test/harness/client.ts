/** A signed-in client of a running Steward. */
export class Client {
  private constructor(
    readonly url: string,
    private readonly token: string,
  ) {}

  static async login(url: string, identifier: string, password: string): Promise<Client> {
    return new Client(url, await accessToken(url, identifier, password));
  }

  /** The same user at another process. */
  at(url: string): Client {
    return new Client(url, this.token);
  }

  /** `Body` is what the caller expects. Rejects when the answer is no success. */
  async call<Body>(method: string, place: string, body?: object): Promise<Body> {
    const answer = await this.request(method, place, body);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${place}: ${answer.status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as Body;
  }

  async request(method: string, place: string, body?: object, signal?: AbortSignal): Promise<Response> {
    return fetch(`${this.url}${place}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  }
}

/** What a login answers as access token; rejects when it is refused. */
export async function accessToken(url: string, identifier: string, password: string): Promise<string> {
  const answer = await fetch(`${url}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier, password }),
  });
  if (!answer.ok) throw new Error(`no login: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { accessToken: string }).accessToken;
}
