// SPDX-License-Identifier: GPL-3.0-or-later
// both.mjs ADDRESS: what both dialects list of it, as {"aliyun": [...], "huawei": [...]} on standard output.
// both.mjs ADDRESS LOGIN-TYPE: lifts that block.
import { aliyunV3, huawei } from '../../conformance/sign.mjs';

const { CORDON_URL: url, CORDON_AK: ak, CORDON_SK: sk, CORDON_PROJECT: project } = process.env;
const server = { url, ak, sk };
const path = `/v5/${project}/event/blocked-ip`;
const [address, type] = process.argv.slice(2);

async function send({ method, path: target, headers, body }) {
  const answer = await fetch(url + target, { method, headers, body: body || undefined });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${target}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

const list = (await send(huawei(server, 'GET', path, { src_ip: address, limit: 100 }))).data_list;
if (type) {
  const data_list = list.filter((row) => row.login_type === type)
    .map(({ host_id, src_ip, login_type }) => ({ host_id, src_ip, login_type }));
  await send(huawei(server, 'PUT', path, {}, { body: JSON.stringify({ data_list }) }));
} else {
  const query = { CurrentPage: 1, PageSize: 100, BlockIp: address };
  const { MachineList } = await send(aliyunV3(server, 'DescribeBruteForceRecords', query));
  process.stdout.write(JSON.stringify({ aliyun: MachineList, huawei: list }));
}
