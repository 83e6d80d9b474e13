// SPDX-License-Identifier: GPL-3.0-or-later
// Huawei's own client: the core with HSS's two operations described as its typed client describes them (that one is
// not on the registry), and the typed IAM client for tokens.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { installed, openServer, run, skipAll } from './server.mjs';

const require = createRequire(import.meta.url);

function load() {
  if (!installed()) return null;
  return {
    core: require('@huaweicloud/huaweicloud-sdk-core'),
    ClientBuilder: require('@huaweicloud/huaweicloud-sdk-core/ClientBuilder').ClientBuilder,
    HcClient: require('@huaweicloud/huaweicloud-sdk-core/HcClient').HcClient,
    DefaultHttpClient: require('@huaweicloud/huaweicloud-sdk-core/http/DefaultHttpClient').DefaultHttpClient,
    Region: require('@huaweicloud/huaweicloud-sdk-core/region/region').Region,
    logger: require('@huaweicloud/huaweicloud-sdk-core/logger/log4jLogger').Logger4jInstance,
    iam: require('@huaweicloud/huaweicloud-sdk-iam/v3/public-api'),
  };
}

const sdk = load();
const server = sdk && (await openServer());
if (sdk) sdk.logger.level = 'off'; // it prints every refusal on standard output

class HssClient {
  constructor(client) {
    this.client = client;
  }

  static newBuilder() {
    return new sdk.ClientBuilder((client) => new HssClient(client));
  }

  call(method, queryParams, data, headers = {}) {
    return this.client.sendRequest({
      method, url: '/v5/{project_id}/event/blocked-ip', contentType: 'application/json', queryParams,
      pathParams: { project_id: server.project }, headers, data });
  }

  list(query = {}, headers = {}) {
    return this.call('GET', query, {}, headers);
  }

  change(entries, query = {}) {
    return this.call('PUT', query, { data_list: entries }, { 'Content-Type': 'application/json' });
  }
}

function signed(key = server) {
  const credential = new sdk.core.BasicCredentials().withAk(key.ak).withSk(key.sk).withProjectId(server.project);
  if (key.token) credential.withSecurityToken(key.token);
  return HssClient.newBuilder().withCredential(credential).withEndpoint(server.url).build();
}

// The builder would look for an AK/SK in the environment; a caller with a token has none.
function unsigned() {
  return new sdk.HcClient(new sdk.DefaultHttpClient({}, [server.url]), {}).withEndpoints([server.url]);
}

function withToken(token) {
  const client = new HssClient(unsigned());
  return { list: (query) => client.list(query, { 'X-Auth-Token': token, region: 'cn-north-4' }) };
}

async function issue(name, password, nocatalog) {
  const client = new sdk.iam.IamClient(unsigned());
  const auth = {
    identity: { methods: ['password'], password: { user: { name, password, domain: { name: 'any' } } } },
    scope: { project: { id: server.project } } };
  return client.keystoneCreateUserTokenByPassword({ body: { auth }, nocatalog });
}

const byAddress = () => ({ src_ip: server.block_ip, limit: 10, offset: 0, enterprise_project_id: 'all_granted_eps' });

function checkList(answer) {
  assert.equal(answer.httpStatusCode, 200);
  assert.ok(answer.total_num >= 1);
  const row = answer.data_list.find((r) => r.src_ip === server.block_ip && r.login_type === 'ssh');
  assert.ok(row, `no row of ${server.block_ip}`);
  assert.equal(row.host_id, server.host_uuid);
  for (const name of ['intercept_num', 'block_time', 'latest_time']) assert.equal(typeof row[name], 'number');
  return row;
}

async function refused(promise, status, code, message) {
  await assert.rejects(promise, (e) => {
    assert.equal(e.httpStatusCode, status);
    assert.equal(e.errorCode, code);
    if (message) assert.match(e.errorMsg, message);
    assert.match(e.requestId ?? '', /^[0-9A-F-]{36}$/);
    return true;
  });
}

const tests = [
  ['AK/SK: lists', async () => { checkList(await signed().list(byAddress())); }],
  ['AK/SK: lists with no parameter', async () => { assert.ok((await signed().list()).total_num >= 1); }],
  ['AK/SK: all filters at once', async () => {
    checkList(await signed().list({ ...byAddress(), last_days: 7, host_name: server.host_name,
      intercept_status: 'intercepted' }));
  }],
  ['AK/SK: region header', async () => {
    checkList(await signed().list(byAddress(), { region: 'cn-north-4' }));
  }],
  ['AK/SK: wrong secret', () => refused(signed({ ak: server.ak, sk: 'wrong' }).list(), 401, 'APIGW.0301',
    /verify aksk signature fail/)],
  ['AK/SK: unknown key', () => refused(signed({ ak: 'NOSUCHAK', sk: 'x' }).list(), 401, 'APIGW.0301', /ak not exist/)],
  ['AK/SK: bad intercept_status', () => refused(signed().list({ intercept_status: 'bogus' }), 400, 'HSS.0001')],
  ['AK/SK: temporary key', async () => {
    const key = server.fake
      ? { ak: 'STS.testak', sk: 'temporarysecret0000000000000001', token: 'CAIS/sts+token==' }
      : { ak: process.env.CORDON_STS_AK, sk: process.env.CORDON_STS_SK, token: process.env.CORDON_STS_TOKEN };
    if (!key.ak) return 'CORDON_STS_AK is not set';
    checkList(await signed(key).list(byAddress()));
    await refused(signed({ ...key, token: undefined }).list(), 401, 'APIGW.0301', /X-Security-Token/);
  }],
  ['token: issue it with the typed IAM client, list with it', async () => {
    const answer = await issue(server.ak, server.sk);
    assert.equal(answer.httpStatusCode, 201);
    const token = answer['X-Subject-Token'] ?? answer['x-subject-token'];
    assert.match(token, /^[0-9a-f]{64,}$/);
    assert.equal(answer.token.project.id, server.project);
    assert.ok(answer.token.catalog.some((s) => s.type === 'hss'));
    checkList(await withToken(token).list(byAddress()));
  }],
  ['region: no project is given, the client asks for it', async () => {
    const { token: { project } } = await issue(server.ak, server.sk);
    const credential = new sdk.core.BasicCredentials().withAk(server.ak).withSk(server.sk).withIamEndpoint(server.url);
    const client = HssClient.newBuilder().withCredential(credential)
      .withRegion(new sdk.Region(project.name, [server.url])).build();
    checkList(await client.list(byAddress()));
    assert.equal(credential.projectId, server.project);
  }],
  ['region: projects with the typed IAM client', async () => {
    const credential = new sdk.core.GlobalCredentials().withAk(server.ak).withSk(server.sk).withDomainId(server.account);
    const client = sdk.iam.IamClient.newBuilder().withCredential(credential).withEndpoint(server.url).build();
    const { projects } = await client.keystoneListProjects({ domainId: server.account });
    assert.deepEqual(projects.map((p) => [p.id, p.domain_id, p.enabled]), [[server.project, server.account, true]]);
  }],
  ['token: nocatalog', async () => {
    assert.equal((await issue(server.ak, server.sk, 'yes')).token.catalog, undefined);
  }],
  ['token: wrong password', () => assert.rejects(issue(server.ak, 'wrong'), (e) => {
    assert.equal(e.httpStatusCode, 401);
    assert.equal(e.errorCode, 401);
    assert.match(e.errorMsg, /username or password is wrong/);
    return true;
  })],
  ['token: rubbish', () => refused(withToken('rubbish').list(), 401, 'APIGW.0301', /decrypt token fail/)],
  ['enterprise projects: 0 and none are the default one', async () => {
    const ask = (query) => signed().list({ src_ip: server.block_ip, ...query });
    checkList(await ask({}));
    checkList(await ask({ enterprise_project_id: '0' }));
    assert.equal((await ask({ enterprise_project_id: 'no-such-project' })).total_num, 0);
  }],
  ['enterprise projects: a key sees those it was granted, with AK/SK or a token', async () => {
    const key = server.fake ? { ak: 'projects', sk: 'projectssecret00000000000000001' }
      : { ak: process.env.CORDON_EP_AK, sk: process.env.CORDON_EP_SK };
    if (!key.ak) return 'CORDON_EP_AK is not set';
    const token = (await issue(key.ak, key.sk))['X-Subject-Token'];
    for (const client of [signed(key), withToken(token)]) {
      await refused(client.list({}), 403, 'HSS.0013', /Insufficient permissions/);
      await refused(client.list({ enterprise_project_id: '0' }), 403, 'HSS.0013');
      const all = await client.list({ enterprise_project_id: 'all_granted_eps', limit: 1000 });
      assert.ok(all.data_list.every((r) => r.host_id !== server.host_uuid));
    }
    await refused(signed(key).change([{ host_id: server.host_uuid, src_ip: server.block_ip, login_type: 'ssh' }],
      { enterprise_project_id: 'all_granted_eps' }), 400, 'HSS.0011');
  }],
  ['another account: its key is refused in this project', async () => {
    const key = server.fake ? { ak: 'other', sk: 'othersecret00000000000000000001' }
      : { ak: process.env.CORDON_OTHER_AK, sk: process.env.CORDON_OTHER_SK };
    if (!key.ak) return 'CORDON_OTHER_AK is not set';
    await refused(signed(key).list(byAddress()), 403, 'HSS.0010');
  }],
  ['change: unknown address', () => refused(
    signed().change([{ host_id: server.host_uuid, src_ip: '192.0.2.1', login_type: 'ssh' }]), 400, 'HSS.0011')],
  ['change: no entries', () => refused(signed().change([]), 400, 'HSS.0001')],
  ['change: unblocks; the answer has no body', async () => {
    const answer = await signed().change(
      [{ host_id: server.host_uuid, src_ip: server.block_ip, login_type: 'ssh' }],
      { enterprise_project_id: 'all_granted_eps' });
    assert.equal(answer.httpStatusCode, 200);
    const { intercept_status: status } = checkList(await signed().list(byAddress()));
    assert.ok(['cancelling', 'canceled'].includes(status), status);
  }],
];

if (!sdk) skipAll('the clients are not installed: npm ci in tests/sdk');
else {
  await run(tests);
  server.stop();
}
