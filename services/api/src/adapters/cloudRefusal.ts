import { HoldfastError } from '@holdfast/contracts';
import { type Cloud, cloudNamed } from '@holdfast/exchange';

/** Why an organization cannot be in a cloud of this name; undefined when it can. */
export function cloudRefusal(name: string, extra: Readonly<Record<string, Cloud>>): string | undefined {
  try {
    cloudNamed(name, extra);
    return undefined;
  } catch (error) {
    if (error instanceof HoldfastError) return error.message;
    throw error;
  }
}
