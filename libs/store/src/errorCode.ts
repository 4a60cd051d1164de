/**
 * The `code` or `errcode` of an error of Node's. Asked by shape: such an error need not be an instance of the
 * `Error` of the module that catches it (other realms, as test runners make them).
 */
export function errorProperty(error: unknown, name: 'code' | 'errcode' | 'message'): unknown {
  return typeof error === 'object' && error !== null && name in error
    ? (error as Record<string, unknown>)[name]
    : undefined;
}

/** The system's code such as ENOENT, for messages and decisions. */
export const systemCode = (error: unknown): string => String(errorProperty(error, 'code') ?? 'unknown');
