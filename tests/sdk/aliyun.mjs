// SPDX-License-Identifier: GPL-3.0-or-later
// Alibaba's own clients: pop-core (V1 by GET and POST), openapi-core (V3, and V1 as "v2"), openapi-client (V3, forms).
import assert from 'node:assert/strict';
import { classicCall, openServer, popCall, popError, sdk, typedCall, typedError } from './aliyun_clients.mjs';
import { run, skipAll } from './server.mjs';

const LIST = 'DescribeBruteForceRecords';
const server = sdk && (await openServer());

function checkList(body) {
  assert.match(body.RequestId, /^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
  assert.equal(body.Code, undefined);
  assert.ok(body.PageInfo.TotalCount >= 1);
  const row = body.MachineList.find((r) => r.BlockIp === server.block_ip && r.Port === '22/22');
  assert.ok(row, `no row of ${server.block_ip}`);
  assert.equal(row.Uuid, server.host_uuid);
  assert.equal(typeof row.Id, 'number');
  assert.equal(typeof row.AliNetOnline, 'boolean');
  return row;
}

const find = { BlockIp: '', CurrentPage: 1, PageSize: 20 };
const byAddress = () => ({ ...find, BlockIp: server.block_ip });

const good = [
  ['pop-core, GET', () => popCall(server, LIST, byAddress())],
  ['pop-core, POST', () => popCall(server, LIST, byAddress(), { method: 'POST' })],
  ['openapi-core, V3', async () => (await typedCall(server, LIST, byAddress())).body],
  ['openapi-core, V1', async () => (await typedCall(server, LIST, byAddress(), { signatureAlgorithm: 'v2' })).body],
  ['openapi-client, GET', async () => (await classicCall(server, LIST, 'GET', 'query', byAddress())).body],
  ['openapi-client, POST, query', async () => (await classicCall(server, LIST, 'POST', 'query', byAddress())).body],
  ['openapi-client, POST, chunked form', async () => (await classicCall(server, LIST, 'POST', 'body', byAddress())).body],
].map(([name, call]) => [`${name}: lists`, async () => { checkList(await call()); }]);

const wrong = () => ({ ak: server.ak, sk: 'wrong' });
const unknown = () => ({ ak: 'NOSUCHKEY', sk: 'x' });

const bad = [
  ['pop-core: wrong secret', () => popError(wrong(), LIST, {}, 'SignatureDoesNotMatch')],
  ['pop-core: unknown key', () => popError(unknown(), LIST, {}, 'InvalidAccessKeyId.NotFound')],
  ['pop-core: unknown action', () => popError(server, 'DescribeNothing', {}, 'InvalidAction.NotFound')],
  ['pop-core: bad PageSize', () => popError(server, LIST, { PageSize: 0 }, 'InvalidPageSize')],
  ['pop-core: missing Uuid', () => popError(server, 'DisableBruteForceRecord', { BlockIp: '192.0.2.1' }, 'MissingUuid')],
  ['openapi-core: wrong secret', () => typedError(wrong(), LIST, {}, 400, 'SignatureDoesNotMatch')],
  ['openapi-core: unknown key', () => typedError(unknown(), LIST, {}, 404, 'InvalidAccessKeyId.NotFound')],
  ['openapi-core: bad Status', () => typedError(server, LIST, { Status: '7' }, 400, 'InvalidStatus')],
  ['openapi-core: unknown pair', () => typedError(server, 'EnableBruteForceRecord',
    { BlockIp: '192.0.2.1', Uuid: server.host_uuid }, 400, 'InvalidBlockIp')],
];

const encoding = ['values of any characters survive V1 and V3', async () => {
  const Remark = "a b*c~d'(e)!+%中&=/?#";
  for (const body of [
    await popCall(server, LIST, { Remark }), await popCall(server, LIST, { Remark }, { method: 'POST' }),
    (await typedCall(server, LIST, { Remark })).body,
    (await classicCall(server, LIST, 'POST', 'body', { Remark })).body,
  ]) assert.equal(body.PageInfo.TotalCount, 0);
}];

const named = ['a Remark with space, slash, plus and umlaut finds its server', async () => {
  for (const body of [await popCall(server, LIST, { Remark: server.host_name }),
    (await typedCall(server, LIST, { Remark: server.host_name })).body])
    assert.ok(body.PageInfo.TotalCount >= 1);
}];

const sts = ['a temporary key works with its token only', async () => {
  const key = server.fake
    ? { ak: 'STS.testak', sk: 'temporarysecret0000000000000001', token: 'CAIS/sts+token==' }
    : { ak: process.env.CORDON_STS_AK, sk: process.env.CORDON_STS_SK, token: process.env.CORDON_STS_TOKEN };
  if (!key.ak) return 'CORDON_STS_AK is not set';
  checkList(await popCall(key, LIST, byAddress()));
  checkList((await typedCall(key, LIST, byAddress())).body);
  await typedError({ ...key, token: undefined }, LIST, {}, 400, 'MissingSecurityToken');
  await popError({ ...key, token: 'other' }, LIST, {}, 'InvalidSecurityToken.MismatchWithAccessKey');
}];

const summary = ['the summary agrees with the list', async () => {
  const pop = (await popCall(server, 'DescribeBruteForceSummary', { SourceIp: '192.0.2.1' })).BruteForceSummary;
  const typed = (await typedCall(server, 'DescribeBruteForceSummary')).body.BruteForceSummary;
  const total = async (Status) => (await popCall(server, LIST, { Status, PageSize: 1 })).PageInfo.TotalCount;
  for (const s of [pop, typed]) {
    assert.equal(s.AllStrategyCount, await total(''));
    assert.equal(s.EffectiveCount, await total(1));
    for (const name of ['CustomRecordCount', 'SystemRecordCount', 'CustomEffectiveCount', 'SystemEffectiveCount',
      'AntiBruteForceRuleCount']) assert.equal(typeof s[name], 'string', name);
    assert.equal(Number(s.CustomRecordCount) + Number(s.SystemRecordCount), s.AllStrategyCount);
    assert.equal(Number(s.CustomEffectiveCount) + Number(s.SystemEffectiveCount), s.EffectiveCount);
  }
}];

const roundTrip = ['disable and enable again', async () => {
  const pair = { BlockIp: server.block_ip, Uuid: server.host_uuid, Port: '22/22', Bound: 'in' };
  const { body } = await typedCall(server, 'DisableBruteForceRecord', pair);
  assert.deepEqual(Object.keys(body), ['RequestId']);
  assert.equal(checkList((await typedCall(server, LIST, byAddress())).body).Status, 0);
  assert.deepEqual(Object.keys(await popCall(server, 'EnableBruteForceRecord', pair)), ['RequestId']);
  for (let i = 0; i < 50; i++) {
    if (checkList(await popCall(server, LIST, byAddress())).Status === 1) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail('it was not blocked again within five seconds');
}];

if (!sdk) skipAll('the clients are not installed: npm ci in tests/sdk');
else {
  await run([...good, ...bad, encoding, named, sts, summary, roundTrip]);
  server.stop();
}
