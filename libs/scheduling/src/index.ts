export {
  type KeepLastOptions,
  type RetentionDecision,
  type RetentionPoint,
  selectKeepLast,
} from './keepLast.ts';
export { dueFires, nextFire } from './nextFire.ts';
