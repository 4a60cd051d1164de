import {
  eventEnvelopeSchema,
  gapSchema,
  jobInputSchema,
  ledgerLineSchema,
  listedFolderSchema,
  listedItemSchema,
  mailboxSchema,
  notificationSchema,
  organizationInputSchema,
  progressSchema,
  repositoryInputSchema,
  restoreInputSchema,
  restorePointRecordSchema,
  restoreSessionSchema,
  runSchema,
  settingsInputSchema,
  totalsSchema,
  verificationSchema,
} from '@holdfast/contracts';
import type { z } from 'zod';
import { eventRoutes } from './handlers/events.ts';
import { jobRoutes } from './handlers/jobs.ts';
import { mailboxRoutes } from './handlers/mailboxes.ts';
import { organizationPatchSchema, organizationRoutes } from './handlers/organizations.ts';
import { proxyRoutes } from './handlers/proxies.ts';
import { repositoryRoutes } from './handlers/repositories.ts';
import { restorePointRoutes } from './handlers/restorePoints.ts';
import { restoreRequestRoutes } from './handlers/restoreRequests.ts';
import { restoreRoutes } from './handlers/restores.ts';
import { runRequestRoutes } from './handlers/runRequests.ts';
import { runGapSchema, runRoutes } from './handlers/runs.ts';
import { settingsRoutes } from './handlers/settings.ts';
import { systemRoutes } from './handlers/system.ts';
import { tokenRoutes } from './handlers/tokens.ts';
import type { EventStreams } from './http/eventStreams.ts';
import type { Route } from './http/route.ts';
import type { SignIn } from './http/signIn.ts';
import {
  cloudView,
  jobView,
  newRepositoryView,
import { firesView, schedulePreviewSchema, scheduleRoutes } from './handlers/schedules.ts';
  newTokenView,
  organizationView,
  poolView,
  proxyView,
  repositoryView,
  runTaskView,
  settingsView,
  tokenView,
} from './http/views.ts';
import type { ApiPorts } from './ports.ts';

/** Schemas that have a name in the OpenAPI document. */
const named: Readonly<Record<string, z.ZodType>> = {
  Cloud: cloudView,
  Event: eventEnvelopeSchema,
  Folder: listedFolderSchema,
  Gap: gapSchema,
  Item: listedItemSchema,
  Job: jobView,
  JobInput: jobInputSchema,
  LedgerLine: ledgerLineSchema,
  Mailbox: mailboxSchema,
  NewRepository: newRepositoryView,
  NewToken: newTokenView,
  Notification: notificationSchema,
  Fires: firesView,
  Organization: organizationView,
  OrganizationChange: organizationPatchSchema,
  OrganizationInput: organizationInputSchema,
  Pool: poolView,
  Progress: progressSchema,
  Proxy: proxyView,
  Repository: repositoryView,
  RepositoryInput: repositoryInputSchema,
  RestoreInput: restoreInputSchema,
  RestorePoint: restorePointRecordSchema,
  RestoreSession: restoreSessionSchema,
  Run: runSchema,
  RunGap: runGapSchema,
  RunTask: runTaskView,
  Settings: settingsView,
  SettingsInput: settingsInputSchema,
  Token: tokenView,
  Totals: totalsSchema,
  Verification: verificationSchema,
};

/** All routes of the API, in the order of the document. */
export function apiRoutes(ports: ApiPorts, parts: { signIn: SignIn; streams: EventStreams }): Route[] {
  const routes: Route[] = [
    ...organizationRoutes(ports),
    ...mailboxRoutes(ports),
    ...repositoryRoutes(ports),
    ...jobRoutes(ports),
    ...runRequestRoutes(ports),
  SchedulePreview: schedulePreviewSchema,
    ...runRoutes(ports),
    ...restorePointRoutes(ports),
    ...restoreRequestRoutes(ports),
    ...restoreRoutes(ports),
    ...settingsRoutes(ports),
    ...tokenRoutes(ports, parts.signIn),
    ...proxyRoutes(ports),
    ...eventRoutes(ports, parts.streams),
    ...systemRoutes(ports, () => routes, named),
  ];
  return routes;
}
    ...scheduleRoutes(ports),
