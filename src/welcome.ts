import type { Settings } from './kernel/config/index.js';
import type { RunningSteward } from './start.js';

/** What a newcomer needs to see once Steward runs: where it is, who may log in, one command to try. */
export function welcome({ url, database, seeded }: RunningSteward, settings: Settings): string {
  const queue = settings.redisUrl === undefined ? 'queue on PostgreSQL' : 'queue on Redis';
  if (url === null) return `\nSteward runs as ${settings.role}. ${database}, ${queue}.\n`;
  const { admin, demoUser } = seeded;
  const lines = [
    '',
    `Steward runs at  ${url}`,
    `Documentation    ${url}/docs`,
    `Health           ${url}/api/health`,
    `Database         ${database}, ${queue}`,
    '',
  ];
  if (admin)
    lines.push(
      ...account('First admin', admin.email, admin.oneTimePassword, 'the one in STEWARD_ADMIN_PASSWORD'),
    );
  else lines.push('Log in with the admin made at the first start.');
  if (demoUser) lines.push(...account('Demo user', demoUser.email, demoUser.password, ''));
  if (seeded.demo) lines.push('', 'Demo data: the remote "samples" is backed up to "backups" every minute.');
  const login = JSON.stringify({
    identifier: admin?.email ?? settings.adminEmail,
    password: admin?.oneTimePassword ?? 'YOUR PASSWORD',
  });
  lines.push(
    '',
    'Try:',
    `  curl -s ${url}/api/auth/login -H 'Content-Type: application/json' -d '${login}'`,
    '',
  );
  return lines.join('\n');
}

function account(title: string, email: string, password: string | null, otherwise: string): string[] {
  return [
    `${title.padEnd(16)} ${email}`,
    `${''.padEnd(16)} password: ${password ?? otherwise}${password ? '   (shown this once)' : ''}`,
  ];
}
