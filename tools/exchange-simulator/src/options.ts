/** An application registered in a tenant. */
export interface ApplicationOptions {
  readonly clientId: string;
  readonly secrets?: readonly { readonly value: string; readonly expiresAt?: string }[];
  /** PEM certificates (or public keys) whose owner may sign in with a client assertion. */
  readonly certificates?: readonly string[];
  /** Application permissions; default: all that the simulator knows. */
  readonly roles?: readonly string[];
  /** An application access policy: only members of this group (id or display name) may be touched. */
  readonly restrictedTo?: string;
}

/** A user with or without mailbox. Generated users come from `FillOptions`. */
export interface UserOptions {
  readonly id?: string;
  readonly userPrincipalName: string;
  readonly displayName?: string;
  readonly kind?: MailboxKind;
  readonly purpose?: MailboxPurpose;
  readonly department?: string;
  /** Messages of the generated corpus in the mailbox. Default none. */
  readonly messages?: number;
}

export interface GroupOptions {
  readonly id?: string;
  readonly displayName: string;
  /** Principal names of users, or display names of groups. */
  readonly members: readonly string[];
}

/**
 * `none`: no mailbox; `outOfScope`: the application may not touch it; `full`: delta and whatever adds something answer
 * ErrorQuotaExceeded; `readOnly`: the application may read it and nothing else.
 */
export type MailboxKind = 'normal' | 'none' | 'outOfScope' | 'full' | 'readOnly';
export type MailboxPurpose = 'user' | 'shared' | 'room' | 'equipment';

/** What a tenant's mailboxes hold. */
export interface FillOptions {
  readonly mailboxes: number;
  readonly messagesPerMailbox?: number;
  readonly profile?: 'standard' | 'small';
  /** A folder of .eml files (recursively), a Maildir, an mbox file or one .eml: used instead of generated mail. */
  readonly mail?: string;
  readonly largeAttachmentMb?: number;
  /** Leave out well-known folders that are rarely used. */
  readonly fewFolders?: boolean;
}

export interface TenantOptions {
  readonly tenantId: string;
  readonly domain?: string;
  readonly applications?: readonly ApplicationOptions[];
  readonly fill?: FillOptions;
  readonly users?: readonly UserOptions[];
  readonly groups?: readonly GroupOptions[];
}

/** Limits of the service; each can be changed while it runs. */
export interface Limits {
  enabled: boolean;
  /** Requests in flight per application and mailbox. */
  concurrency: number;
  requests: number;
  requestWindowMs: number;
  uploadBytes: number;
  uploadWindowMs: number;
  /** Seconds sent as Retry-After; `missing` sends none, a fraction is sent as it is. */
  retryAfter: number | 'missing';
  /** Added to every Graph answer, ms; drawn between the two. */
  latencyMs: readonly [number, number];
  maxBodyBytes: number;
  maxPageSize: number;
}

/** Unpleasant but legal behaviour of delta queries. */
export interface DeltaChaos {
  readonly emptyPages: number;
  readonly randomPageSizes: boolean;
  readonly duplicates: number;
  readonly replays: number;
}

export interface SimulatorOptions {
  /** HTTPS port; 0 (default) takes a free one. */
  readonly port?: number;
  /** Also serve plain HTTP on this port (0 takes a free one): for benchmarks. */
  readonly httpPort?: number;
  readonly host?: string;
  /** Where the CA certificate is written; a temporary folder by default. */
  readonly certDir?: string;
  readonly seed?: number;
  readonly tenants?: readonly TenantOptions[];
  readonly limits?: Partial<Limits>;
  readonly tokenLifetimeSeconds?: number;
  /** Refuse changes of subject, body and recipients of sent mail without Mail-Advanced.ReadWrite.All. */
  readonly mailAdvancedEnforcement?: boolean;
  /** Host name in upload URLs; Microsoft uses another host than Graph's. Default the request's. */
  readonly uploadHost?: string;
  readonly now?: () => number;
}

export const DEFAULT_TENANT = '11111111-2222-4333-8444-555555555555';
export const DEFAULT_CLIENT = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
export const DEFAULT_SECRET = 'simulator-secret';

/** The application permissions that the simulator knows. */
export const ALL_ROLES: readonly string[] = [
  'User.Read.All',
  'Directory.Read.All',
  'Group.Read.All',
  'GroupMember.Read.All',
  'Mail.Read',
  'Mail.ReadWrite',
  'MailboxSettings.Read',
  'Application.Read.All',
];

/** Microsoft's documented limits; the body limit is that of one write request. */
export function defaultLimits(): Limits {
  return {
    enabled: true,
    concurrency: 4,
    requests: 10_000,
    requestWindowMs: 600_000,
    uploadBytes: 150 * 1024 * 1024,
    uploadWindowMs: 300_000,
    retryAfter: 10,
    latencyMs: [0, 0],
    maxBodyBytes: 4 * 1024 * 1024,
    maxPageSize: 1000,
  };
}
