import { describe, expect, test } from '@jest/globals';
import { addressKind, targetRefusal, webhookUrlRefusal } from './webhookTarget.ts';

describe('the kind of an address', () => {
  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.8.9.1', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12:3456::1', 'private'],
    ['::ffff:10.0.0.1', 'private'],
    ['169.254.169.254', 'forbidden'],
    ['::ffff:169.254.169.254', 'forbidden'],
    ['::ffff:a9fe:a9fe', 'forbidden'],
    ['fe80::1', 'forbidden'],
    ['fd00:ec2::254', 'forbidden'],
    ['100.100.100.200', 'forbidden'],
    ['168.63.129.16', 'forbidden'],
    ['192.0.0.192', 'forbidden'],
    ['64:ff9b::a9fe:a9fe', 'forbidden'],
    ['2002:a9fe:a9fe::1', 'forbidden'],
    ['0.0.0.0', 'forbidden'],
    ['::', 'forbidden'],
    ['224.0.0.1', 'forbidden'],
    ['255.255.255.255', 'forbidden'],
    ['93.184.216.34', 'public'],
    ['2606:2800:220:1::1', 'public'],
    ['hooks.example.com', 'forbidden'],
  ])('%s is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });
});

describe('an address for a webhook', () => {
  const allowed = { allowPrivateNetworks: true };
  test.each([
    ['https://hooks.example.com/a', undefined, true],
    ['http://hooks.example.com/a', undefined, false],
    ['http://hooks.example.com/a', allowed, true],
    ['http://127.0.0.1:9000/a', undefined, true],
    ['http://localhost:9000/a', undefined, true],
    ['http://[::1]:9000/a', undefined, true],
    ['https://10.0.0.5/a', undefined, false],
    ['https://10.0.0.5/a', allowed, true],
    ['http://10.0.0.5/a', allowed, true],
    ['http://93.184.216.34/a', allowed, false],
    ['https://169.254.169.254/latest', allowed, false],
    ['http://2852039166/latest', allowed, false],
    ['http://0x7f.1/', undefined, true],
    ['https://[::ffff:169.254.169.254]/', allowed, false],
    ['https://[fe80::1]/', allowed, false],
  ])('%s with %j: accepted %s', (url, settings, isAccepted) => {
    expect(webhookUrlRefusal(url, settings) === undefined).toBe(isAccepted);
  });

  test('a public name that was allowed over http is refused once it leads to a public address', () => {
    expect(targetRefusal('93.184.216.34', 'http:', allowed)).toContain('use https');
    expect(targetRefusal('192.168.7.7', 'http:', allowed)).toBeUndefined();
  });
});
