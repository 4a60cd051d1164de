export { type Mail, plainMail, storeMailbox } from './storedMailbox.ts';
