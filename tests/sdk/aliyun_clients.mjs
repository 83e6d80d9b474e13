// SPDX-License-Identifier: GPL-3.0-or-later
// Calls by Alibaba's own clients: pop-core (V1 by GET and POST), openapi-core (V3, and V1 as "v2"), openapi-client (V3,
// forms). The typed client of Security Center is not on the registry; it calls as typedCall does.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { installed, openServer as open } from './server.mjs';

const require = createRequire(import.meta.url);
const VERSION = '2018-12-03';

function load() {
  if (!installed()) return null;
  return {
    pop: require('@alicloud/pop-core'),
    core: require('@alicloud/openapi-core'),
    classic: require('@alicloud/openapi-client'),
    util: require('@alicloud/tea-util'),
  };
}

export const sdk = load();
let server;

export async function openServer() {
  server = await open();
  return server;
}

export function popCall(key, action, params = {}, options = {}) {
  const client = new sdk.pop.RPCClient({
    accessKeyId: key.ak, accessKeySecret: key.sk, securityToken: key.token, endpoint: server.url, apiVersion: VERSION });
  return client.request(action, params, options);
}

// The way the vendor's typed clients call: parameters in the query, POST, an empty body.
export function typedCall(key, action, query = {}, config = {}) {
  const { default: Client, $OpenApiUtil, OpenApiUtil } = sdk.core;
  const url = new URL(server.url);
  const client = new Client(new $OpenApiUtil.Config({
    accessKeyId: key.ak, accessKeySecret: key.sk, securityToken: key.token, endpoint: url.host,
    protocol: url.protocol.slice(0, -1), ...config }));
  const params = new $OpenApiUtil.Params({
    action, version: VERSION, protocol: 'HTTP', pathname: '/', method: 'POST', authType: 'AK', style: 'RPC',
    reqBodyType: 'formData', bodyType: 'json' });
  return client.callApi(params, new $OpenApiUtil.OpenApiRequest({ query: OpenApiUtil.query(query) }), {});
}

// The generic client, with parameters where it is told to put them.
export function classicCall(key, action, method, where, values) {
  const { default: Client, Config, Params, OpenApiRequest } = sdk.classic;
  const url = new URL(server.url);
  const client = new Client(new Config({
    accessKeyId: key.ak, accessKeySecret: key.sk, endpoint: url.host, protocol: 'HTTP' }));
  const params = new Params({
    action, version: VERSION, protocol: 'HTTP', pathname: '/', method, authType: 'AK', style: 'RPC',
    reqBodyType: 'formData', bodyType: 'json' });
  return client.callApi(params, new OpenApiRequest({ [where]: values }), new sdk.util.RuntimeOptions({}));
}

export async function popError(key, action, params, code) {
  await assert.rejects(popCall(key, action, params), (e) => {
    assert.equal(e.code, code);
    assert.equal(e.name, `${code}Error`);
    assert.equal(e.data.Code, code);
    return true;
  });
}

export async function typedError(key, action, query, status, code) {
  await assert.rejects(typedCall(key, action, query), (e) => {
    assert.equal(e.code, code);
    assert.equal(e.statusCode ?? e.data?.statusCode, status);
    return true;
  });
}
