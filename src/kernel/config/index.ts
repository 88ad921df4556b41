export { Settings, SettingsError, loadSettings, serves, signingSecret } from './settings.js';
