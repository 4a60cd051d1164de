export { type ApiSettings, apiSettings } from './config.ts';
export { type Api, type ApiDeps, startApi } from './service.ts';
