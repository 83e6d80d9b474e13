#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every row of table.json is one documented fact and one test, over raw HTTP. Against the daemon that CORDON_URL and
// its companions name (tests/sdk/server.mjs says which), else against the API over its test double. Prints TAP.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { openServer, run } from '../sdk/server.mjs';
import { aliyunV1, aliyunV3, huawei } from './sign.mjs';
import { checkDocument } from './docs.mjs';

const table = JSON.parse(readFileSync(new URL('table.json', import.meta.url)));
const server = await openServer();
// What rows remember, and times in milliseconds.
const remembered = {
  past: Date.now() - 1000, later: Date.now() + 3600123, much_later: Date.now() + 7200456,
  later_seconds: Math.floor(Date.now() / 1000) + 3600,
};

// Keys beside the first: the double has them, for the daemon the environment names them. `other` is another account's,
// `ep` is limited to an enterprise project that is not the default one.
const keys = {
  limited: server.fake ? { ak: 'limited', sk: 'limitedsecret000000000000000001' } : fromEnvironment('CORDON_LIMITED'),
  sts: server.fake
    ? { ak: 'STS.testak', sk: 'temporarysecret0000000000000001', token: 'CAIS/sts+token==' } : fromEnvironment('CORDON_STS'),
  other: server.fake ? { ak: 'other', sk: 'othersecret00000000000000000001' } : fromEnvironment('CORDON_OTHER'),
  ep: server.fake ? { ak: 'projects', sk: 'projectssecret00000000000000001' } : fromEnvironment('CORDON_EP'),
  disabled: server.fake ? { ak: 'disabled', sk: 'disabledsecret00000000000000001' } : fromEnvironment('CORDON_DISABLED'),
  wrong: { ak: server.ak, sk: 'wrong' },
  unknown: { ak: 'NOSUCHKEY', sk: 'wrong' },
};
if (keys.sts) keys.untokened = { ...keys.sts, token: undefined };
if (keys.sts) keys.mistokened = { ...keys.sts, token: 'other' };
keys.overtokened = { ak: server.ak, sk: server.sk, token: 'unasked' };

function fromEnvironment(prefix) {
  const [ak, sk, token] = ['AK', 'SK', 'TOKEN'].map((name) => process.env[`${prefix}_${name}`]);
  return ak && { ak, sk, token };
}

// "${block_ip}" in any text of a row; what is no field of the server was remembered from an earlier answer.
function fill(value) {
  if (typeof value === 'string')
    return value.replace(/\$\{(\w+)\}/g, (_, name) => {
      const text = server[name] ?? remembered[name];
      assert.notEqual(text, undefined, `nothing is known of ${name}`);
      return text;
    });
  if (Array.isArray(value)) return value.map(fill);
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fill(v)]));
  return value;
}

function send({ method, path, headers, body }) {
  const url = new URL(server.url);
  if (body && method === 'GET') headers = { ...headers, 'content-length': Buffer.byteLength(body) }; // node leaves it out
  return new Promise((resolve, reject) => {
    const call = request({ host: url.hostname, port: url.port, method, path, headers, agent: false }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(parts).toString() }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

// `repeat`: the one entry of data_list so many times.
function repeated(row, json) {
  return row.repeat ? { ...json, data_list: Array(row.repeat).fill(json.data_list[0]) } : json;
}

const builders = {
  aliyun(row) {
    const options = { ...fill(row.options ?? {}), key: row.key ? keys[row.key] : server };
    const build = row.scheme === 'v1' ? aliyunV1 : aliyunV3;
    return build(server, row.action ?? row.operation, fill(row.params ?? {}), options);
  },
  huawei(row) {
    const options = { ...fill(row.options ?? {}), key: row.key ? keys[row.key] : server };
    if (row.json !== undefined) options.body = JSON.stringify(repeated(row, fill(row.json)));
    const path = fill(row.path ?? '/v5/${project}/event/blocked-ip');
    return huawei(server, row.method ?? 'GET', path, fill(row.query ?? {}), options);
  },
  plain(row) {
    const body = row.json === undefined ? row.body ?? '' : JSON.stringify(fill(row.json));
    return { method: row.method ?? 'GET', path: fill(row.path), headers: fill(row.headers ?? {}), body };
  },
};

// The values at "a.b", "list[].c" (of each element, of which there must be one) or "list[]?.c" (there may be none).
function valuesAt(root, path) {
  let values = [root];
  for (const step of path.split('.')) {
    const [, name, list] = /^(.*?)(\[\]\??)?$/.exec(step);
    values = values.map((v) => v?.[name]);
    if (!list) continue;
    for (const v of values) assert.ok(Array.isArray(v), `${path}: no array`);
    values = values.flat();
    if (list === '[]') assert.ok(values.length > 0, `${path}: no elements`);
  }
  return values;
}

const predicates = {
  type: (v, want) => (want === 'integer' ? Number.isSafeInteger(v) : want === 'array' ? Array.isArray(v)
    : want === 'object' ? v !== null && typeof v === 'object' && !Array.isArray(v) : typeof v === want),
  in: (v, want) => want.includes(v),
  min: (v, want) => v >= want,
  max: (v, want) => v <= want,
  match: (v, want) => new RegExp(want).test(v),
  length: (v, want) => v?.length === want,
  most: (v, want) => v?.length <= want,
  keys: (v, want) => JSON.stringify(Object.keys(v).sort()) === JSON.stringify([...want].sort()),
  has: (v, want) => v?.includes(want),
  digits: (v, want) => Number.isSafeInteger(v) && String(v) === String(want),
  in_digits: (v, want) => Number.isSafeInteger(v) && want.includes(String(v)),
  absent: (v) => v === undefined,
};

function check(path, value, expected) {
  if (expected === null || typeof expected !== 'object') {
    assert.deepEqual(value, expected, path);
    return;
  }
  for (const [name, want] of Object.entries(expected))
    assert.ok(predicates[name](value, want), `${path} is ${JSON.stringify(value)}, expected ${name} ${JSON.stringify(want)}`);
}

function checkAnswer(row, answer) {
  assert.equal(answer.status, row.status ?? 200, answer.text);
  for (const [name, expected] of Object.entries(fill(row.headers_expected ?? {}))) check(name, answer.headers[name], expected);
  if (row.empty) return assert.equal(answer.text, '');
  if (row.text) return check('text', answer.text, row.text);
  const json = JSON.parse(answer.text);
  for (const [path, expected] of Object.entries(fill(row.expect ?? {})))
    for (const value of valuesAt(json, path)) check(path, value, expected);
  if (row.remember)
    for (const [name, path] of Object.entries(row.remember))
      remembered[name] = path.startsWith('header ') ? answer.headers[path.slice(7)] : valuesAt(json, path)[0];
}

async function runRow(row) {
  if (row.fake && !server.fake) return 'only the test double can be made to do this';
  if (row.key && !keys[row.key]) return `no ${row.key} key is given`;
  // What the kernel must acknowledge first may take a moment.
  for (let tries = row.eventually ? 50 : 1; ; tries--) {
    try {
      const built = builders[row.via](row);
      let answer;
      for (let i = 0; i < (row.times ?? 1); i++) answer = await send(built);
      return checkAnswer(row, answer);
    } catch (e) {
      if (tries <= 1) throw e;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const title = (row) => `${row.operation}, ${row.part} ${row.name}: ${row.fact}`;
const tests = table.map((row) => [title(row).replace(/#/g, '\\#'), () => runRow(row)]);
tests.push(['docs/api.md has the table as it is', checkDocument]);
tests.push(['no two rows say the same', () => assert.equal(new Set(table.map(title)).size, table.length)]);
await run(tests);
server.stop();
