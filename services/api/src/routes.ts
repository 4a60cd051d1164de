import {
  alertSchema,
  auditRecordSchema,
  catalogHitSchema,
  catalogItemSchema,
  comparisonSchema,
  eventEnvelopeSchema,
  exportFileSchema,
  exportInputSchema,
  gapSchema,
  holdSchema,
  jobInputSchema,
  ledgerLineSchema,
  listedFolderSchema,
  listedItemSchema,
  mailboxRetentionPlanSchema,
  mailboxSchema,
  notificationSchema,
  organizationInputSchema,
  organizationPatchSchema,
  planLineSchema,
  poolInputSchema,
  previewSchema,
  progressSchema,
  repositoryInputSchema,
  restoreInputSchema,
  restorePartSchema,
  restorePlanSummarySchema,
  restorePointRecordSchema,
  restoreSessionSchema,
  runSchema,
  scriptRecordSchema,
  searchInputSchema,
  settingsInputSchema,
  timelinePointSchema,
  totalsSchema,
  verificationSchema,
  webhookDeliverySchema,
  webhookInputSchema,
} from '@holdfast/contracts';
import type { z } from 'zod';
import { alertRoutes } from './handlers/alerts.ts';
import { auditRoutes } from './handlers/audit.ts';
import { catalogRoutes } from './handlers/catalog.ts';
import { coverageItemSchema, coverageRoutes } from './handlers/coverage.ts';
import { eventRoutes } from './handlers/events.ts';
import { exploreRoutes } from './handlers/explore.ts';
import { exportRoutes } from './handlers/exports.ts';
import { groupRoutes } from './handlers/groups.ts';
import { jobWarningSchema } from './handlers/jobChecks.ts';
import { jobPreviewRoutes, previewItemSchema } from './handlers/jobPreview.ts';
import { jobRoutes, savedJobView } from './handlers/jobs.ts';
import { mailboxRoutes } from './handlers/mailboxes.ts';
import { organizationRoutes } from './handlers/organizations.ts';
import { poolRoutes } from './handlers/pools.ts';
import { previewRoutes } from './handlers/preview.ts';
import { proxyRoutes } from './handlers/proxies.ts';
import { repositoryRoutes } from './handlers/repositories.ts';
import { restoreDecisionRoutes } from './handlers/restoreDecisions.ts';
import { restorePlanRoutes } from './handlers/restorePlans.ts';
import { restorePointRoutes } from './handlers/restorePoints.ts';
import { restoreRequestRoutes } from './handlers/restoreRequests.ts';
import { restoreRoutes } from './handlers/restores.ts';
import { retentionRoutes } from './handlers/retention.ts';
import { retentionPlanRoutes } from './handlers/retentionPlans.ts';
import { retentionSettingsRoutes } from './handlers/retentionSettings.ts';
import { runRequestRoutes } from './handlers/runRequests.ts';
import { runScriptRoutes } from './handlers/runScripts.ts';
import { runGapSchema, runRoutes } from './handlers/runs.ts';
import { firesView, schedulePreviewSchema, scheduleRoutes } from './handlers/schedules.ts';
import { searchRoutes } from './handlers/search.ts';
import { settingsRoutes } from './handlers/settings.ts';
import { systemRoutes } from './handlers/system.ts';
import { tokenRoutes } from './handlers/tokens.ts';
import { webhookDeliveryRoutes } from './handlers/webhookDeliveries.ts';
import { webhookPatchSchema, webhookRoutes } from './handlers/webhooks.ts';
import type { EventStreams } from './http/eventStreams.ts';
import type { Route } from './http/route.ts';
import type { SignIn } from './http/signIn.ts';
import {
  cloudView,
  jobView,
  newRepositoryView,
  newTokenView,
  newWebhookView,
  organizationView,
  poolView,
  proxyView,
  repositoryView,
  runTaskView,
  settingsView,
  tokenView,
  webhookView,
} from './http/views.ts';
import type { ApiPorts } from './ports.ts';

/** Schemas that have a name in the OpenAPI document. */
const named: Readonly<Record<string, z.ZodType>> = {
  AuditRecord: auditRecordSchema,
  CatalogHit: catalogHitSchema,
  CatalogItem: catalogItemSchema,
  Cloud: cloudView,
  Comparison: comparisonSchema,
  Event: eventEnvelopeSchema,
  ExportFile: exportFileSchema,
  ExportInput: exportInputSchema,
  Fires: firesView,
  Folder: listedFolderSchema,
  Gap: gapSchema,
  Hold: holdSchema,
  Item: listedItemSchema,
  CoverageItem: coverageItemSchema,
  Job: jobView,
  SavedJob: savedJobView,
  JobWarning: jobWarningSchema,
  JobPreviewItem: previewItemSchema,
  PoolInput: poolInputSchema,
  ScriptRecord: scriptRecordSchema,
  JobInput: jobInputSchema,
  LedgerLine: ledgerLineSchema,
  Mailbox: mailboxSchema,
  MailboxRetentionPlan: mailboxRetentionPlanSchema,
  NewRepository: newRepositoryView,
  NewToken: newTokenView,
  Notification: notificationSchema,
  Organization: organizationView,
  OrganizationChange: organizationPatchSchema,
  OrganizationInput: organizationInputSchema,
  PlanLine: planLineSchema,
  Preview: previewSchema,
  SearchInput: searchInputSchema,
  TimelinePoint: timelinePointSchema,
  Pool: poolView,
  Progress: progressSchema,
  Proxy: proxyView,
  Repository: repositoryView,
  RepositoryInput: repositoryInputSchema,
  RestoreInput: restoreInputSchema,
  RestorePart: restorePartSchema,
  RestorePlan: restorePlanSummarySchema,
  RestorePoint: restorePointRecordSchema,
  RestoreSession: restoreSessionSchema,
  Run: runSchema,
  RunGap: runGapSchema,
  RunTask: runTaskView,
  SchedulePreview: schedulePreviewSchema,
  Settings: settingsView,
  SettingsInput: settingsInputSchema,
  Token: tokenView,
  Totals: totalsSchema,
  Verification: verificationSchema,
  Alert: alertSchema,
  NewWebhook: newWebhookView,
  Webhook: webhookView,
  WebhookChange: webhookPatchSchema,
  WebhookDelivery: webhookDeliverySchema,
  WebhookInput: webhookInputSchema,
};

/** All routes of the API, in the order of the document. */
export function apiRoutes(ports: ApiPorts, parts: { signIn: SignIn; streams: EventStreams }): Route[] {
  const routes: Route[] = [
    ...organizationRoutes(ports),
    ...coverageRoutes(ports),
    ...groupRoutes(ports),
    ...mailboxRoutes(ports),
    ...repositoryRoutes(ports),
    ...jobPreviewRoutes(ports),
    ...jobRoutes(ports),
    ...scheduleRoutes(ports),
    ...runRequestRoutes(ports),
    ...runRoutes(ports),
    ...runScriptRoutes(ports),
    ...restorePointRoutes(ports),
    ...exploreRoutes(ports),
    ...previewRoutes(ports),
    ...searchRoutes(ports),
    ...catalogRoutes(ports),
    ...retentionPlanRoutes(ports),
    ...retentionRoutes(ports),
    ...restoreRequestRoutes(ports),
    ...exportRoutes(ports),
    ...restoreDecisionRoutes(ports),
    ...restoreRoutes(ports),
    ...restorePlanRoutes(ports),
    ...settingsRoutes(ports),
    ...alertRoutes(ports),
    ...webhookRoutes(ports),
    ...webhookDeliveryRoutes(ports),
    ...retentionSettingsRoutes(ports),
    ...tokenRoutes(ports, parts.signIn),
    ...auditRoutes(ports),
    ...proxyRoutes(ports),
    ...poolRoutes(ports),
    ...eventRoutes(ports, parts.streams),
    ...systemRoutes(ports, () => routes, named),
  ];
  return routes;
}
