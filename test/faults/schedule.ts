import { Client } from '../harness/client.js';
import { PASSWORD, type Server } from './cluster.js';

/** A rule that fires every second through all faults: each of its slots must have its job. */
export async function startSchedule(api: Server): Promise<void> {
  const client = await Client.login((await api.url()) ?? '', 'admin@steward.local', PASSWORD);
  await client.call('POST', '/api/schedules', {
    name: 'every second',
    ruleType: 'interval',
    intervalSeconds: 1,
    overlapPolicy: 'allow',
    jobTemplate: { type: 'fault-shared', payload: { n: 0, round: 0, kind: 'quick', milliseconds: 0 } },
  });
}
