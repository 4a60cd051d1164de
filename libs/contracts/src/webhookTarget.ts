import { BlockList, isIP } from 'node:net';
import type { WebhookSettings } from './webhook.ts';

/** What kind of place an IP address is, for requests whose address somebody typed in. */
export type AddressKind = 'public' | 'private' | 'loopback' | 'forbidden';

type Range = readonly [network: string, prefix: number];

function listOf(v4: readonly Range[], v6: readonly Range[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of v4) list.addSubnet(network, prefix, 'ipv4');
  for (const [network, prefix] of v6) list.addSubnet(network, prefix, 'ipv6');
  return list;
}

const loopback = listOf([['127.0.0.0', 8]], [['::1', 128]]);
/**
 * Never a receiver of ours: link-local (there the clouds have their metadata services), the metadata addresses that
 * lie elsewhere (AWS over IPv6, Alibaba, Oracle, Azure's wire server), "this network", multicast and reserved ones,
 * and prefixes that carry an IPv4 address inside and would lead round this check (NAT64, 6to4, Teredo).
 */
const forbidden = listOf(
  [
    ['0.0.0.0', 8],
    ['169.254.0.0', 16],
    ['100.100.100.200', 32],
    ['192.0.0.0', 24],
    ['168.63.129.16', 32],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ],
  [
    ['::', 128],
    ['fe80::', 10],
    ['fec0::', 10],
    ['fd00:ec2::', 32],
    ['ff00::', 8],
    ['64:ff9b::', 96],
    ['64:ff9b:1::', 48],
    ['2002::', 16],
    ['2001::', 32],
  ],
);
const privateNetworks = listOf(
  [
    ['10.0.0.0', 8],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['100.64.0.0', 10],
    ['198.18.0.0', 15],
  ],
  [['fc00::', 7]],
);

/** Classifies an IP address; an IPv4 address inside an IPv6 one counts as what it is. Anything else is forbidden. */
export function addressKind(address: string): AddressKind {
  const version = isIP(address);
  if (version === 0) return 'forbidden';
  const family = version === 4 ? 'ipv4' : 'ipv6';
  // BlockList looks into ::ffff:a.b.c.d by itself.
  if (forbidden.check(address, family)) return 'forbidden';
  if (loopback.check(address, family)) return 'loopback';
  return privateNetworks.check(address, family) ? 'private' : 'public';
}

/**
 * Why a request may not go to an address, as a sentence; undefined when it may. Asked with the address that is about
 * to be connected to, so that a name that resolves differently later cannot lead elsewhere.
 */
export function targetRefusal(
  address: string,
  protocol: string,
  settings: WebhookSettings | undefined,
): string | undefined {
  const kind = addressKind(address);
  const mayBePrivate = settings?.allowPrivateNetworks === true;
  if (kind === 'forbidden')
    return `${address} is link-local, a metadata service or reserved; webhooks never go there`;
  if (kind === 'loopback') return undefined;
  if (kind === 'private' && !mayBePrivate) {
    return `${address} is in a private network; allow that in the webhook settings first (allowPrivateNetworks)`;
  }
  if (protocol === 'https:' || kind === 'private') return undefined;
  return 'http goes out unencrypted: use https (http is for this machine and for private networks that were allowed)';
}

/** Why a webhook may not have this address, as far as the address itself tells; undefined when it may. */
export function webhookUrlRefusal(url: string, settings: WebhookSettings | undefined): string | undefined {
  const { protocol, hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIP(host) !== 0) return targetRefusal(host, protocol, settings);
  if (/(^|\.)localhost$/i.test(host) || protocol === 'https:') return undefined;
  // What the name leads to is checked at each delivery.
  return settings?.allowPrivateNetworks === true
    ? undefined
    : 'must begin with https:// (http:// is for this machine only, or for private networks when the webhook settings allow them)';
}
