export { envExample, settingsTable, withSettingsTable } from './env-example.js';
export { inNetworks } from './limits.settings.js';
export { Settings, SettingsError, loadSettings, serves, signingSecret } from './settings.js';
