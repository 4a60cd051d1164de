export { type ExportOptions, exportItems } from './exportItems.ts';
export { folderPlace } from './folderPlace.ts';
export {
  type ExportManifest,
  exportManifestSchema,
  type ItemLine,
  itemLineSchema,
  type VolumeFacts,
} from './manifest.ts';
export { quoteForMbox } from './mboxQuoter.ts';
export { type PointFolder, type PointSelection, pointFolders, pointItems } from './pointItems.ts';
export type { ExportContent, ExportItem, ExportPlace, LoadedItem } from './ports.ts';
export { type RecoverySheetFacts, recoverySheet } from './recoverySheet.ts';
export { type ExportRequest, exportRequestSchema } from './request.ts';
export { folderPaths, itemFileName, type NamedFolder, safeName } from './safeNames.ts';
