import { describe, expect, test } from '@jest/globals';
import { cloudNamed, clouds, parseClouds, requireBearerHost, requireUploadHost } from './clouds.ts';
import { ForeignHost } from './errors.ts';

const record = {
  name: 'lab',
  authority: 'https://login.lab',
  graphRoot: 'https://graph.lab:8443',
  scope: 's',
};

describe('clouds are whole records', () => {
  test.each(Object.values(clouds))('$name: scope and hosts belong to its Graph root', (cloud) => {
    expect(cloud.scope).toBe(`${cloud.graphRoot}/.default`);
    expect(cloud.bearerHosts).toContain(new URL(cloud.graphRoot).host);
    expect(cloud.bearerHosts).not.toContain(cloud.uploadHosts[0]);
  });

  test('the closed German cloud is refused and the error says why', () => {
    expect(() => cloudNamed('germany')).toThrow(/closed in October 2021/);
  });

  test('an unknown name lists the known ones', () => {
    const extra = parseClouds(JSON.stringify([record]));
    expect(cloudNamed('lab', extra).graphRoot).toBe('https://graph.lab:8443');
    expect(() => cloudNamed('labb', extra)).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining('china, lab') }),
    );
  });
});

describe('extra clouds come from a file', () => {
  test('hosts default to that of the Graph root, with its port', () => {
    const { lab } = parseClouds(JSON.stringify([record]));
    expect(lab).toMatchObject({ bearerHosts: ['graph.lab:8443'], uploadHosts: ['graph.lab:8443'] });
  });

  test.each([
    ['no JSON', '{', /not valid/],
    [
      'plain HTTP to another machine',
      JSON.stringify([{ ...record, graphRoot: 'http://graph.lab' }]),
      /https/,
    ],
    [
      'a path in the root',
      JSON.stringify([{ ...record, graphRoot: 'https://graph.lab/v1.0' }]),
      /without a path/,
    ],
    ["Microsoft's name", JSON.stringify([{ ...record, name: 'global' }]), /taken/],
    ['an unknown field', JSON.stringify([{ ...record, token: 'x' }]), /token/i],
  ])('%s is refused', (_, json, message) => {
    expect(() => parseClouds(json)).toThrow(message);
  });

  test('plain HTTP to this machine is allowed, for simulators', () => {
    const json = JSON.stringify([
      { ...record, graphRoot: 'http://127.0.0.1:9/', authority: 'http://localhost:9' },
    ]);
    expect(parseClouds(json).lab?.graphRoot).toBe('http://127.0.0.1:9');
  });
});

describe('a bearer token goes to hosts of the cloud only', () => {
  const cloud = cloudNamed('global');

  test.each([
    'https://graph.microsoft.com.evil.example/v1.0/users',
    'https://graph.microsoft.us/v1.0/users',
    'http://graph.microsoft.com/v1.0/users',
    'https://graph.microsoft.com:444/v1.0/users',
    'https://graph.microsoft.com@evil.example/v1.0/users',
    'https://outlook.office.com/api/gv1.0/users',
  ])('%s is foreign', (url) => {
    expect(() => requireBearerHost(cloud, new URL(url))).toThrow(ForeignHost);
  });

  test('uploads go to the upload hosts and nowhere else', () => {
    expect(() =>
      requireUploadHost(cloud, new URL('https://outlook.office365.com/x?authtoken=1')),
    ).not.toThrow();
    expect(() => requireUploadHost(cloud, new URL('https://graph.microsoft.com/x'))).toThrow(ForeignHost);
  });

  test('the error names the host and not the address, which may be a secret', () => {
    try {
      requireUploadHost(cloud, new URL('https://evil.example/x?authtoken=verysecret'));
      throw new Error('not refused');
    } catch (error) {
      expect(error).toMatchObject({ code: 'foreign-host', details: { host: 'evil.example' } });
      expect(JSON.stringify(error) + String(error)).not.toContain('verysecret');
    }
  });
});
