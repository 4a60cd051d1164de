import type { ErrorClass } from '@holdfast/contracts';

/**
 * What the transport does with an answer, before anybody else hears of it.
 *
 * - `repeat`: try again with growing pauses
 * - `repeat-few`: the same, but two more tries are enough to believe it
 * - `pause`: the whole mailbox waits as long as it is told to, then again
 * - `new-token`: once again with a fresh token
 * - `give-up`: repeating cannot help
 */
export type Reaction = 'repeat' | 'repeat-few' | 'pause' | 'new-token' | 'give-up';

export interface ErrorRow {
  /** Stable code of ours. */
  code: string;
  errorClass: ErrorClass;
  reaction: Reaction;
  /** What it means, as a sentence for people. */
  meaning: string;
  /** What a person can do. */
  remedy: string;
  /** Codes of the service, lower case. */
  serviceCodes?: readonly string[];
  /** HTTP statuses, where no code says more. */
  statuses?: readonly number[];
  /** The message must match too; the few cases in which the code alone is ambiguous. */
  message?: RegExp;
}

const wait = 'Nothing to do: it is tried again by itself.';

/** First match wins: rows with a message before the plain ones, codes before statuses. */
export const errorTable: readonly ErrorRow[] = [
  {
    code: 'tenant-lapsed',
    errorClass: 'configuration',
    reaction: 'give-up',
    message: /subscription within the tenant has lapsed/i,
    meaning: "The tenant's Microsoft 365 subscription has lapsed.",
    remedy: 'Renew the subscription of the tenant, or remove the organization.',
  },
  {
    code: 'request-cut-short',
    errorClass: 'transient',
    reaction: 'repeat',
    message: /IO error during request payload read/i,
    meaning: 'Exchange lost the connection while it read a request.',
    remedy: wait,
  },
  {
    code: 'cursor-expired',
    errorClass: 'transient',
    reaction: 'give-up',
    message: /Parameter 'DeltaToken' not supported for this request/i,
    meaning: 'Exchange does not know the change cursor any more.',
    remedy: 'Nothing to do: the folder is read again in full and compared with what is stored.',
  },
  {
    code: 'cursor-expired',
    errorClass: 'transient',
    reaction: 'give-up',
    serviceCodes: ['syncstatenotfound', 'syncstateinvalid', 'resyncrequired', 'invaliddeltatoken'],
    statuses: [410],
    meaning: 'Exchange does not know the change cursor any more.',
    remedy: 'Nothing to do: the folder is read again in full and compared with what is stored.',
  },
  {
    code: 'throttled',
    errorClass: 'throttled',
    reaction: 'pause',
    serviceCodes: [
      'applicationthrottled',
      'toomanyrequests',
      'activitylimitreached',
      'throttledrequest',
      'requestthrottled',
      'errorserverbusy',
    ],
    statuses: [429, 509],
    meaning: "Microsoft's limit for this application and mailbox is used up for the moment.",
    remedy: 'Nothing to do: the mailbox waits as long as Microsoft asks. Fewer parallel jobs shorten it.',
  },
  {
    code: 'mailbox-full',
    errorClass: 'permanent-mailbox',
    reaction: 'give-up',
    serviceCodes: ['errorquotaexceeded', 'quotalimitreached', 'errormessagecountquotaexceeded'],
    statuses: [507],
    meaning: 'The mailbox or folder is full.',
    remedy: 'Free some space in the mailbox or raise its quota, then try again.',
  },
  {
    code: 'folder-vanished',
    errorClass: 'vanished',
    reaction: 'give-up',
    serviceCodes: ['errorsyncfoldernotfound', 'errorfoldernotfound', 'errorparentfoldernotfound'],
    meaning: 'The folder is not in the mailbox any more.',
    remedy: 'Nothing to do: it was removed at the source.',
  },
  {
    code: 'no-cloud-mailbox',
    errorClass: 'permanent-mailbox',
    reaction: 'give-up',
    serviceCodes: ['mailboxnotenabledforrestapi', 'mailboxnotsupportedforrestapi', 'errornonexistentmailbox'],
    meaning: 'This user has no mailbox in the cloud: it is inactive, on-premises, deleted or unlicensed.',
    remedy: 'Assign a mailbox licence, or exclude the user from the job.',
  },
  {
    code: 'mailbox-on-premises',
    errorClass: 'permanent-mailbox',
    reaction: 'give-up',
    serviceCodes: ['extensionerror'],
    meaning: 'The mailbox is on-premises or blocked by a policy of the organization.',
    remedy: 'Exclude the mailbox, or move it to Exchange Online.',
  },
  {
    code: 'user-not-found',
    errorClass: 'permanent-mailbox',
    reaction: 'give-up',
    serviceCodes: ['request_resourcenotfound', 'errorinvaliduser'],
    meaning: 'There is no such object in the directory.',
    remedy: 'Check whether it was deleted; its restore points stay.',
  },
  {
    code: 'user-not-found',
    errorClass: 'permanent-mailbox',
    reaction: 'give-up',
    serviceCodes: ['resourcenotfound'],
    message: /user/i,
    meaning: 'There is no such user in the directory.',
    remedy: 'Check whether the user was deleted; the restore points stay.',
  },
  {
    code: 'no-cloud-mailbox',
    errorClass: 'permanent-mailbox',
    reaction: 'give-up',
    serviceCodes: ['resourcenotfound'],
    meaning: 'The mailbox or its inbox is missing.',
    remedy: 'Check whether the user still has a mailbox in Exchange Online.',
  },
  {
    code: 'attachment-unreadable',
    errorClass: 'permanent-item',
    reaction: 'give-up',
    serviceCodes: ['errorcannotopenfileattachment'],
    meaning: 'Exchange cannot open this attachment (OLE conversion failed).',
    remedy:
      'Open the message in Outlook and save the attachment again; otherwise it is damaged at the source.',
  },
  {
    code: 'item-malware',
    errorClass: 'permanent-item',
    reaction: 'give-up',
    serviceCodes: ['malwaredetected', 'errorvirusdetected', 'errorvirusmessagedeleted'],
    meaning: 'Exchange refuses the item because it found malware in it.',
    remedy: 'Remove the item at the source, or release it from quarantine.',
  },
  {
    code: 'item-corrupt',
    errorClass: 'permanent-item',
    reaction: 'repeat-few',
    serviceCodes: ['errorcorruptdata', 'errormimecontentinvalid', 'errorcontentconversionfailed'],
    meaning: 'Exchange cannot read this item: its data is corrupt.',
    remedy:
      'Open the item in Outlook; if that fails too, it is damaged at the source and cannot be backed up.',
  },
  {
    code: 'item-invalid',
    errorClass: 'permanent-item',
    reaction: 'give-up',
    serviceCodes: ['errorinvalidrecipients', 'errorinvalidpropertyvalue'],
    meaning: 'Exchange cannot return this item (old or migrated mail with invalid recipients).',
    remedy: 'Export the item from Outlook if it is needed; it is recorded as a gap.',
  },
  {
    code: 'message-too-large',
    errorClass: 'permanent-item',
    reaction: 'give-up',
    serviceCodes: [
      'errormessagesizeexceeded',
      'requestentitytoolarge',
      'errorattachmentsizelimitexceeded',
      'errorcontentsizelimitexceeded',
    ],
    statuses: [413],
    meaning: 'The message is larger than the mailbox accepts.',
    remedy: 'Raise the message size limit of the mailbox (up to 150 MB), or export the item instead.',
  },
  {
    code: 'item-vanished',
    errorClass: 'vanished',
    reaction: 'give-up',
    serviceCodes: ['erroritemnotfound', 'itemnotfound', 'notfound', 'errormessagenotfound'],
    statuses: [404],
    meaning: 'The object is not in the mailbox any more.',
    remedy: 'Nothing to do: it was removed at the source.',
  },
  {
    code: 'already-exists',
    errorClass: 'permanent-item',
    reaction: 'give-up',
    serviceCodes: ['errorfolderexists', 'namealreadyexists'],
    statuses: [409],
    meaning: 'Something of this name exists already.',
    remedy: 'Choose another conflict policy.',
  },
  {
    code: 'token-refused',
    errorClass: 'configuration',
    reaction: 'new-token',
    serviceCodes: ['invalidauthenticationtoken', 'authenticationerror', 'compacttoken'],
    statuses: [401],
    meaning: 'Microsoft Graph refuses the access token of the application.',
    remedy: "Verify the organization: check tenant, cloud, application and its administrator's consent.",
  },
  {
    code: 'access-denied',
    errorClass: 'forbidden',
    reaction: 'give-up',
    serviceCodes: [
      'erroraccessdenied',
      'accessdenied',
      'authorization_requestdenied',
      'authorization_identitynotfound',
      'forbidden',
      'unauthorizedaccess',
      'errorinsufficientpermissionsinaccesstoken',
    ],
    statuses: [403, 402],
    meaning: 'The application may not do this: a permission is missing, or the mailbox is outside its scope.',
    remedy:
      'Grant the permission with administrator consent, or add the mailbox to the scope (RBAC for Applications, application access policy); changes take up to two hours.',
  },
  {
    code: 'mailbox-blocked',
    errorClass: 'permanent-mailbox',
    reaction: 'give-up',
    serviceCodes: ['resourcelocked', 'notallowed', 'erroraccountdisabled'],
    statuses: [423],
    meaning: 'Microsoft has locked this mailbox or tenant.',
    remedy: 'Ask the administrator of the tenant why it is locked.',
  },
  {
    code: 'not-implemented',
    errorClass: 'ours',
    reaction: 'give-up',
    serviceCodes: ['notimplemented', 'notsupported'],
    statuses: [501, 405],
    meaning: 'Microsoft Graph does not offer this request.',
    remedy: 'This is a defect of Holdfast: please report it with the log lines around it.',
  },
  {
    code: 'request-refused',
    errorClass: 'ours',
    reaction: 'repeat-few',
    serviceCodes: ['invalidrequest'],
    meaning: 'Microsoft Graph refuses the request.',
    remedy: 'This is a defect of Holdfast: please report it with the log lines around it.',
  },
  {
    code: 'service-unavailable',
    errorClass: 'transient',
    reaction: 'repeat',
    serviceCodes: [
      'servicenotavailable',
      'serviceunavailable',
      'generalexception',
      'unknownerror',
      'errorinternalservererror',
      'internalservererror',
      'errorinternalservertransienterror',
      'errormailboxstoreunavailable',
      'errormailboxmoveinprogress',
      'errortimeoutexpired',
      'errorconnectionfailed',
      'gatewaytimeout',
      'badgateway',
    ],
    statuses: [500, 502, 503, 504, 408],
    meaning: 'Microsoft Graph or Exchange has a temporary fault.',
    remedy: wait,
  },
];

/** For what no row knows. */
export const refusedRow: ErrorRow = {
  code: 'request-refused',
  errorClass: 'ours',
  reaction: 'give-up',
  meaning: 'Microsoft Graph refuses the request.',
  remedy: 'This is a defect of Holdfast: please report it with the log lines around it.',
};

export const outageRow: ErrorRow = {
  code: 'service-unavailable',
  errorClass: 'transient',
  reaction: 'repeat',
  meaning: 'Microsoft Graph or Exchange has a temporary fault.',
  remedy: wait,
};
