// SPDX-License-Identifier: GPL-3.0-or-later
// One call of an operation by Alibaba's own client (pop-core), for the end-to-end tests:
//   node call.mjs ACTION [NAME=VALUE…]     prints the answer, or {"Code": …} of a refusal, as JSON
// Where and who: CORDON_URL, CORDON_AK, CORDON_SK.
import { createRequire } from 'node:module';

const { RPCClient } = createRequire(import.meta.url)('@alicloud/pop-core');
const [action, ...pairs] = process.argv.slice(2);
const params = Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
const client = new RPCClient({
  accessKeyId: process.env.CORDON_AK, accessKeySecret: process.env.CORDON_SK, endpoint: process.env.CORDON_URL,
  apiVersion: '2018-12-03' });
try {
  console.log(JSON.stringify(await client.request(action, params, { method: 'POST', timeout: 10000 })));
} catch (e) {
  if (!e.code || !e.data) throw e;
  console.log(JSON.stringify({ Code: e.code, Message: e.data.Message }));
}
