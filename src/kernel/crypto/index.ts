export { Keyring } from './keyring.js';
export { SealBrokenError, SecretBox } from './secret-box.js';
