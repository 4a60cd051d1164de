export { FsBlobStore } from '../backends/fs.ts';
export { MemoryBlobStore } from '../backends/memory.ts';
export { scanFrames } from '../format/pack.ts';
export { fenceSession, listSessions, putCondemned } from '../session/liveRecords.ts';
export { blobStoreContract, type ContractOptions, type StoreUnderTest } from './blobStoreContract.ts';
export { type Fault, faulty, type StoreCall } from './faultyStore.ts';
export { ManualClock } from './manualClock.ts';
export { type RecordedCall, recording } from './recordingStore.ts';
export {
  CHEAP_KDF,
  emptyFolder,
  newRepository,
  PASSPHRASE,
  pointInput,
  reopen,
  SMALL_SIZES,
} from './smallRepository.ts';
