// SPDX-License-Identifier: GPL-3.0-or-later
// Signed requests from the vendors' descriptions alone, without their clients: V1 and V3 of Alibaba, AK/SK of Huawei.
import { createHash, createHmac, randomBytes } from 'node:crypto';

const encode = (s) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const hmac256 = (key, text) => createHmac('sha256', key).update(text).digest('hex');
const stamp = (shift = 0) => `${new Date(Date.now() + shift).toISOString().slice(0, 19)}Z`;

export function encodeQuery(params) {
  return Object.keys(params).sort().map((name) => `${encode(name)}=${encode(String(params[name]))}`).join('&');
}

// V1: everything is a parameter. `change` alters the signed parameters afterwards or leaves some out (undefined).
export function aliyunV1(server, action, params, { method = 'GET', key = server, shift, nonce, version = '2018-12-03', change = {} } = {}) {
  const all = {
    AccessKeyId: key.ak, Action: action, Format: 'JSON', SignatureMethod: 'HMAC-SHA1', SignatureVersion: '1.0',
    SignatureNonce: nonce ?? randomBytes(16).toString('hex'), Timestamp: stamp(shift), Version: version, ...params };
  if (key.token) all.SecurityToken = key.token;
  for (const name of Object.keys(all)) if (all[name] === undefined) delete all[name];
  const text = `${method}&%2F&${encode(encodeQuery(all))}`;
  all.Signature = createHmac('sha1', `${key.sk}&`).update(text).digest('base64');
  Object.assign(all, change);
  for (const name of Object.keys(all)) if (all[name] === undefined) delete all[name];
  const encoded = encodeQuery(all);
  if (method === 'GET') return { method, path: `/?${encoded}`, headers: {} };
  return { method, path: '/', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: encoded };
}

// V3: the action in headers, parameters in the query or (form: true) in the body.
export function aliyunV3(server, action, params, { method = 'POST', key = server, shift, nonce, version = '2018-12-03', form = false, change = {} } = {}) {
  const query = form ? '' : encodeQuery(params);
  const body = form ? encodeQuery(params) : '';
  const headers = {
    host: new URL(server.url).host, 'x-acs-action': action, 'x-acs-version': version, 'x-acs-date': stamp(shift),
    'x-acs-signature-nonce': nonce ?? randomBytes(16).toString('hex'), 'x-acs-content-sha256': sha256(body) };
  if (form) headers['content-type'] = 'application/x-www-form-urlencoded';
  if (key.token) Object.assign(headers, { 'x-acs-accesskey-id': key.ak, 'x-acs-security-token': key.token });
  const names = Object.keys(headers).sort();
  const canonical = [method, '/', query, ...names.map((n) => `${n}:${headers[n]}`), '', names.join(';'), sha256(body)].join('\n');
  const signature = hmac256(key.sk, `ACS3-HMAC-SHA256\n${sha256(canonical)}`);
  headers.authorization = `ACS3-HMAC-SHA256 Credential=${key.ak},SignedHeaders=${names.join(';')},Signature=${signature}`;
  return { method, path: query ? `/?${query}` : '/', headers: { ...headers, ...change }, body };
}

export function huawei(server, method, path, query, { key = server, shift, body = '', headers: more = {}, change = {} } = {}) {
  const date = stamp(shift).replace(/[-:]/g, '');
  const headers = { 'content-type': 'application/json', host: new URL(server.url).host, 'x-sdk-date': date, ...more };
  if (key.token) headers['x-security-token'] = key.token;
  const names = Object.keys(headers).sort();
  const encoded = encodeQuery(query);
  const canonical = [method, `${path}/`, encoded, ...names.map((n) => `${n}:${headers[n]}`), '', names.join(';'), sha256(body)].join('\n');
  const signature = hmac256(key.sk, `SDK-HMAC-SHA256\n${date}\n${sha256(canonical)}`);
  headers.authorization = `SDK-HMAC-SHA256 Access=${key.ak}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { method, path: encoded ? `${path}?${encoded}` : path, headers: { ...headers, ...change }, body };
}
