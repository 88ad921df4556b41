export { REMOTE_STATUS_CHANGED, type RemoteStatusChangedData } from './remotes.events.js';
export { RemotesModule } from './remotes.module.js';
export { type NewRemoteBody, type RemoteView } from './remotes.schema.js';
export { RemotesService } from './remotes.service.js';
export { Reseal, type Resealed } from './secrets/reseal.js';
