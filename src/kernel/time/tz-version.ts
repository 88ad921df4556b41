/**
 * The version of the tz data that `Intl` of this process knows, such as 2026a: when it changes, local times of the
 * future may mean other instants. Of a runtime that does not say it, that of the library which brings the data.
 */
export const TZ_VERSION = process.versions.tz ?? `icu ${process.versions['icu'] ?? 'unknown'}`;
