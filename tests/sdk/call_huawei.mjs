// SPDX-License-Identifier: GPL-3.0-or-later
// GET event/blocked-ip by Huawei's own client core, for the end-to-end tests:
//   node call_huawei.mjs [NAME=VALUE…]     prints the answer as JSON
// Where and who: CORDON_URL, CORDON_AK, CORDON_SK, CORDON_PROJECT.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const core = require('@huaweicloud/huaweicloud-sdk-core');
const { ClientBuilder } = require('@huaweicloud/huaweicloud-sdk-core/ClientBuilder');

const queryParams = Object.fromEntries(
  process.argv.slice(2).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
const { CORDON_URL: url, CORDON_AK: ak, CORDON_SK: sk, CORDON_PROJECT: project } = process.env;
const credential = new core.BasicCredentials().withAk(ak).withSk(sk).withProjectId(project);
const client = new ClientBuilder((c) => c).withCredential(credential).withEndpoint(url).build();
const answer = await client.sendRequest({
  method: 'GET', url: '/v5/{project_id}/event/blocked-ip', contentType: 'application/json', queryParams,
  pathParams: { project_id: project }, headers: {}, data: {} });
console.log(JSON.stringify(answer.data_list ? answer : answer.data ?? answer));
