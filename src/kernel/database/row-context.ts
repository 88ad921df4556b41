import type { Actor } from '../auth/actor.js';
import type { Step } from './flight.js';

/** What the policies of protected tables read: on whose behalf a transaction runs. */
const SETTINGS = ['steward.user_id', 'steward.user_role', 'steward.system'];
const TEXT = `select ${SETTINGS.map((name, index) => `set_config('${name}', $${index + 1}, true)`).join(', ')}`;

/** All of them at once, also the empty ones: nothing that was set on the connection before shines through. */
const settingStep = (userId: string, role: string, system: string): Step => ({
  name: 'steward_row_context',
  text: TEXT,
  values: [userId, role, system],
});

/** Everybody's rows; the name says which work of Steward asks for them. */
export function systemContext(name: string): Step {
  if (name.trim() === '') throw new Error('work of the system needs a name');
  return settingStep('', '', name);
}

/** The rows of the actor's user, with the rights of the actor's role. */
export const actorContext = (actor: Actor): Step =>
  actor.type === 'system' ? systemContext(actor.name) : settingStep(actor.userId, actor.role, '');
