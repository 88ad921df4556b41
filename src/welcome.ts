import path from 'node:path';
import type { Settings } from './kernel/config/index.js';
import type { RunningSteward } from './start.js';

/**
 * What a newcomer needs to see once Steward runs: where it is, who may log in, one command to try. A process that
 * serves no HTTP tells the passwords too when it has made the accounts: nobody else knows them.
 */
export function welcome(
  { url, database, seeded }: Pick<RunningSteward, 'url' | 'database' | 'seeded'>,
  settings: Settings,
): string {
  const queue = settings.redisUrl === undefined ? 'queue on PostgreSQL' : 'queue on Redis';
  const made = accounts(seeded);
  if (url === null)
    return ['', `Steward runs as ${settings.role}. ${database}, ${queue}.`, ...made, ''].join('\n');
  const lines = [
    '',
    `Steward runs at  ${url}`,
    `Documentation    ${url}/docs`,
    `Health           ${url}/api/health`,
    `Database         ${database}, ${queue}`,
    `Mail             ${mail(settings)}`,
    '',
    ...made,
  ];
  const { admin } = seeded;
  if (!admin) lines.push('Log in with the admin made at the first start.');
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

/** Never the whole address of the server: it holds a password. */
function mail({ smtpUrl, dataDir }: Settings): string {
  if (smtpUrl === undefined)
    return `written to files in ${path.join(dataDir, 'outbox')} (no STEWARD_SMTP_URL)`;
  return `sent through ${new URL(smtpUrl).host}`;
}

/** Those that this start has made. */
function accounts({ admin, demoUser }: RunningSteward['seeded']): string[] {
  const chosen = 'the one in STEWARD_ADMIN_PASSWORD';
  return [
    ...(admin ? account('First admin', admin.email, admin.oneTimePassword, chosen) : []),
    ...(demoUser ? account('Demo user', demoUser.email, demoUser.password, '') : []),
  ];
}

function account(title: string, email: string, password: string | null, otherwise: string): string[] {
  return [
    `${title.padEnd(16)} ${email}`,
    `${''.padEnd(16)} password: ${password ?? otherwise}${password ? '   (shown this once)' : ''}`,
  ];
}
