export { type Notifier, type NotifyDeps, startNotify } from './service.ts';
