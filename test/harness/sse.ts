export interface SseEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: unknown;
}

/**
 * The events of a text/event-stream answer as they arrive. Ends when the server closes the stream; ends the
 * stream when the caller leaves its loop. Throws when the answer is no stream.
 */
export async function* sseEvents(
  url: string,
  headers: Readonly<Record<string, string>>,
): AsyncGenerator<SseEvent> {
  const answer = await fetch(url, { headers });
  if (!answer.ok || !answer.body) throw new Error(`no stream: ${answer.status} ${await answer.text()}`);
  let pending = '';
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    const frames = (pending + text).split('\n\n');
    pending = frames.pop() ?? '';
    for (const frame of frames) {
      const event = parse(frame);
      if (event) yield event;
    }
  }
}

/** Null for a comment or a frame that only sets the pause before a reconnection. */
function parse(frame: string): SseEvent | null {
  const fields = new Map(
    frame.split('\n').map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
    }),
  );
  const data = fields.get('data');
  if (data === undefined) return null;
  return {
    event: fields.get('event') ?? 'message',
    id: fields.get('id') ?? null,
    data: JSON.parse(data) as unknown,
  };
}
