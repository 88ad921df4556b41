import { FarSide, type FarSideType } from './far-side.js';
import { S3FarSide } from './s3.js';
import { ServedFarSide } from './served.js';

export { FarSide, type FarSideType, plainRclone } from './far-side.js';
export { S3FarSide } from './s3.js';
export { ServedFarSide, smallDisksPossible } from './served.js';

/** Those that can be read and written. */
export const FAR_SIDES = ['sftp', 'webdav', 's3'] as const satisfies FarSideType[];

export const startFarSide = (type: FarSideType): Promise<FarSide> =>
  type === 's3' ? S3FarSide.start() : ServedFarSide.start(type);
