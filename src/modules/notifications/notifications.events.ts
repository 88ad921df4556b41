export const NOTIFICATIONS_CHANNEL = 'notifications';

/** Recorded when a notification is added or brought up to date; the subject is its id, the data type, title and priority. */
export const NOTIFICATION_CREATED = 'notification.created';
