export { type Retention, type RetentionDeps, startRetention } from './service.ts';
