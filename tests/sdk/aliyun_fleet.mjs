// SPDX-License-Identifier: GPL-3.0-or-later
// Custom blocks and rules across servers, by Alibaba's own clients.
import assert from 'node:assert/strict';
import { classicCall, openServer, popCall, popError, sdk, typedCall, typedError } from './aliyun_clients.mjs';
import { run, skipAll } from './server.mjs';

const server = sdk && (await openServer());
const ADDRESS = '203.0.113.221';
const pair = { BlockIp: ADDRESS, Bound: 'in' };
const hour = 3600000;

const typed = async (action, query) => (await typedCall(server, action, query)).body;
// As plain objects: its own have no prototype.
const pop = async (action, params) => JSON.parse(JSON.stringify(await popCall(server, action, params, { method: 'POST' })));
const clients = [['pop-core', pop], ['openapi-core', typed]];

async function eventually(what) {
  for (let tries = 50; ; tries--) {
    try {
      return await what();
    } catch (e) {
      if (tries <= 1) throw e;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function done(answer) {
  assert.deepEqual(Object.keys(answer), ['RequestId']);
}

async function record(call, status) {
  const { RecordList, PageInfo } = await call('DescribeCustomBlockRecords', { ...pair, CurrentPage: 1, PageSize: 20 });
  assert.equal(PageInfo.TotalCount, RecordList.length);
  const row = RecordList.find((r) => r.Bound === 'in');
  assert.equal(row?.Status, status);
  return row;
}

async function instance(call) {
  const { InstanceList } = await call('DescribeCustomBlockInstances', { ...pair, CurrentPage: 1, PageSize: 20 });
  assert.deepEqual(InstanceList.map((i) => i.Uuid), [server.host_uuid]);
  return InstanceList[0];
}

// One life by one client, watched by it and by the other.
async function customLife(call, other) {
  const ExpireTime = Date.now() + hour;
  done(await call('CreateCustomBlockRecord', { ...pair, ExpireTime, Uuids: server.host_uuid }));
  const made = await eventually(() => record(other, 1));
  assert.equal(made.BlockExpireDate, ExpireTime);
  assert.deepEqual([made.EnableCount, made.ServerCount, made.Source], [1, 1, 'UserRule']);
  assert.deepEqual(made.TargetList, [{ Target: server.host_uuid, TargetType: 'uuid' }]);
  const on = await instance(call);
  assert.deepEqual([on.Status, on.AliNetOnline, on.ErrorCode], [1, true, '']);
  assert.equal(typeof JSON.parse(on.SuccessInfo).instanceId, 'string');
  done(await call('DisableCustomBlockRecord', pair));
  assert.equal((await record(other, 0)).EnableCount, 0);
  done(await other('EnableCustomBlockRecord', pair));
  await eventually(() => record(call, 1));
  done(await call('EnableCustomInstanceBlockRecord', { BlockIp: ADDRESS, Uuid: server.host_uuid }));
  await eventually(() => record(call, 1));
  done(await call('ModifyCustomBlockRecord', { ...pair, ExpireTime: ExpireTime + hour, Uuids: server.host_uuid }));
  const changed = await eventually(() => record(other, 1));
  assert.deepEqual([changed.Id, changed.BlockExpireDate], [made.Id, ExpireTime + hour]);
  done(await call('DeleteCustomBlockRecord', { Id: made.Id }));
  assert.equal((await other('DescribeCustomBlockRecords', pair)).PageInfo.TotalCount, 0);
}

const customs = clients.map(([name, call], i) => [`${name}: the life of a custom block`, () => customLife(call, clients[1 - i][1])]);

const exists = ['a custom block that exists: each client throws RuleRecordIsExists', async () => {
  const wish = { ...pair, ExpireTime: Date.now() + hour, Uuids: server.host_uuid };
  done(await pop('CreateCustomBlockRecord', wish));
  await popError(server, 'CreateCustomBlockRecord', wish, 'RuleRecordIsExists');
  await typedError(server, 'CreateCustomBlockRecord', wish, 400, 'RuleRecordIsExists');
  const { RecordList: [{ Id }] } = await typed('DescribeCustomBlockRecords', pair);
  done(await pop('DeleteCustomBlockRecord', { Id }));
}];

const refused = ['custom blocks: what is refused is thrown', async () => {
  const wish = { ...pair, ExpireTime: Date.now() + hour, Uuids: 'no-such-server' };
  await assert.rejects(pop('CreateCustomBlockRecord', wish), (e) => e.code === 'InvalidUuids' && /no-such-server/.test(e.data.Message));
  await typedError(server, 'CreateCustomBlockRecord', { ...wish, ExpireTime: 1 }, 400, 'InvalidExpireTime');
  await typedError(server, 'DeleteCustomBlockRecord', { Id: 999999999 }, 400, 'InvalidId');
  await popError(server, 'EnableCustomBlockRecord', { ...pair, BlockIp: '192.0.2.1' }, 'InvalidBlockIp');
}];

// Lists as Name.1, Name.2, …; ProtocolType as JSON text: so the typed client writes them.
async function ruleLife(call, other, Name) {
  const made = await call('CreateAntiBruteForceRule', {
    Name, Span: 10, FailCount: 80, ForbiddenTime: 360, UuidList: [server.host_uuid], DefaultRule: false,
    ProtocolType: JSON.stringify({ Ssh: 'on', Rdp: 'off', SqlServer: 'on' }) });
  const { RuleId } = made.CreateAntiBruteForceRule;
  const list = async (client) => (await client('DescribeAntiBruteForceRules', { Id: RuleId, CurrentPage: 1, PageSize: 20 })).Rules;
  const [rule, ...others] = await list(other);
  assert.deepEqual(others, []);
  assert.deepEqual([rule.Id, rule.Name, rule.Span, rule.FailCount, rule.ForbiddenTime], [RuleId, Name, 10, 80, 360]);
  assert.deepEqual([rule.DefaultRule, rule.MachineCount, rule.UuidList], [false, 1, [server.host_uuid]]);
  assert.deepEqual(rule.ProtocolType, { Ssh: 'on', Rdp: 'off', SqlServer: 'on', Ftp: 'on' });
  done(await call('ModifyAntiBruteForceRule', { Id: RuleId, FailCount: 100 }));
  assert.deepEqual((await list(call)).map((r) => [r.FailCount, r.Span]), [[100, 10]]);
  const holding = async () => (await other('DescribeInstanceAntiBruteForceRules', { UuidList: [server.host_uuid] })).Rules;
  assert.deepEqual(await holding(), [{ Id: RuleId, Name, Uuid: server.host_uuid }]);
  done(await call('ModifyInstanceAntiBruteForceRule', { Uuid: server.host_uuid, NewRuleId: RuleId }));
  done(await call('DeleteAntiBruteForceRule', { Ids: [RuleId] }));
  assert.deepEqual(await list(other), []);
  assert.ok((await holding()).every((r) => r.Id !== RuleId));
}

const rules = clients.map(([name, call], i) => [`${name}: the life of a rule`, () => ruleLife(call, clients[1 - i][1], `by ${name}`)]);

const form = ['openapi-client: a list in a chunked form', async () => {
  const { body } = await classicCall(server, 'CreateAntiBruteForceRule', 'POST', 'body', {
    Name: 'by a form', Span: '1', FailCount: '2', ForbiddenTime: '52560000', 'UuidList.1': server.host_uuid });
  done(await pop('DeleteAntiBruteForceRule', { Ids: [body.CreateAntiBruteForceRule.RuleId] }));
}];

const badRules = ['rules: what is refused is thrown', async () => {
  const rule = { Name: 'r', Span: 10, FailCount: 80, ForbiddenTime: 360, UuidList: [server.host_uuid] };
  await typedError(server, 'CreateAntiBruteForceRule', { ...rule, Span: 3 }, 400, 'InvalidSpan');
  await popError(server, 'CreateAntiBruteForceRule', { ...rule, UuidList: [] }, 'MissingUuidList');
  await typedError(server, 'DeleteAntiBruteForceRule', { Ids: [999999999] }, 400, 'InvalidIds');
  await popError(server, 'ModifyInstanceAntiBruteForceRule', { Uuid: server.host_uuid, NewRuleId: 999999999 }, 'InvalidNewRuleId');
}];

const apart = ['a key of another account sees and changes nothing', async () => {
  const key = server.fake ? { ak: 'other', sk: 'othersecret00000000000000000001' }
    : { ak: process.env.CORDON_OTHER_AK, sk: process.env.CORDON_OTHER_SK };
  if (!key.ak) return 'CORDON_OTHER_AK is not set';
  const wish = { ...pair, ExpireTime: Date.now() + hour, Uuids: server.host_uuid };
  await typedError(key, 'CreateCustomBlockRecord', wish, 400, 'InvalidUuids');
  await popError(key, 'ModifyInstanceAntiBruteForceRule', { Uuid: server.host_uuid, NewRuleId: 0 }, 'InvalidUuid');
  assert.equal((await popCall(key, 'DescribeBruteForceRecords', { BlockIp: server.block_ip })).PageInfo.TotalCount, 0);
}];

if (!sdk) skipAll('the clients are not installed: npm ci in tests/sdk');
else {
  await run([...customs, exists, refused, ...rules, form, badRules, apart]);
  server.stop();
}
