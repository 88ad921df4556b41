import { Client } from '../harness/client.js';
import { Cluster, PASSWORD, type Backend, type Server } from './cluster.js';
import { Verdicts } from './verdicts.js';

export interface Stage {
  readonly cluster: Cluster;
  readonly verdicts: Verdicts;
}

/** Everything running, the record prepared, and a rule that fires every second through all that follows. */
export async function setStage(backend: Backend, logs: string | null = null): Promise<Stage> {
  const cluster = await Cluster.start(backend, logs);
  try {
    cluster.api.start();
    await cluster.api.running();
    const verdicts = new Verdicts(cluster.postgres.url);
    await verdicts.prepare();
    await startSchedule(cluster.api);
    for (const server of cluster.servers) if (server !== cluster.api) server.start();
    await Promise.all(cluster.servers.map((server) => server.running()));
    return { cluster, verdicts };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Each of its slots must have its job. */
async function startSchedule(api: Server): Promise<void> {
  const client = await Client.login((await api.url()) ?? '', 'admin@steward.local', PASSWORD);
  await client.call('POST', '/api/schedules', {
    name: 'every second',
    ruleType: 'interval',
    intervalSeconds: 1,
    overlapPolicy: 'allow',
    jobTemplate: { type: 'fault-shared', payload: { n: 0, round: 0, kind: 'quick', milliseconds: 0 } },
  });
}
