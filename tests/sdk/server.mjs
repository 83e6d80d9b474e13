// SPDX-License-Identifier: GPL-3.0-or-later
// The server under test: the one CORDON_URL and its companions name, or, where none is named, the API over its test
// double (tests/unit/api/serve_fake), started for this run. And the few lines that print TAP.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fields = {
  url: 'CORDON_URL', ak: 'CORDON_AK', sk: 'CORDON_SK', project: 'CORDON_PROJECT', account: 'CORDON_ACCOUNT',
  host_uuid: 'CORDON_HOST_UUID', host_name: 'CORDON_HOST_NAME', instance_id: 'CORDON_INSTANCE_ID',
  block_ip: 'CORDON_BLOCK_IP',
};

// What the daemon's test must give (tests/conformance/daemon.py does): a key that may do all; a host whose public address
// begins with 198.51.100; blocks for ssh (Status 1) of block_ip and of 2001:db8:1:2::5 on it.
function fromEnvironment() {
  const server = { fake: false, stop() {} };
  for (const [field, name] of Object.entries(fields)) {
    if (!process.env[name]) throw new Error(`${name} is not set, but CORDON_URL is`);
    server[field] = process.env[name];
  }
  return server;
}

async function startFake() {
  const build = process.env.CORDON_BUILD ?? join(fileURLToPath(import.meta.url), '../../../build');
  const child = spawn(join(build, 'tests/unit/api/serve_fake'), [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`serve_fake ended with ${code}`)));
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  return { ...JSON.parse(line), fake: true, stop: () => child.stdin.end() };
}

export function openServer() {
  return process.env.CORDON_URL ? fromEnvironment() : startFake();
}

// Runs the tests in order, one TAP line each; the exit code says whether all passed.
export async function run(tests) {
  let failed = 0;
  console.log(`1..${tests.length}`);
  for (const [i, [name, body]] of tests.entries()) {
    let line = `ok ${i + 1} - ${name}`;
    try {
      const skip = await body();
      if (typeof skip === 'string') line += ` # SKIP ${skip}`;
    } catch (e) {
      failed++;
      line = `not ok ${i + 1} - ${name}\n${String(e.stack ?? e).replace(/^/gm, '# ')}`;
    }
    console.log(line);
  }
  process.exitCode = failed ? 1 : 0;
}

// Whether `npm ci` was run here.
export function installed() {
  return existsSync(fileURLToPath(new URL('node_modules', import.meta.url)));
}

// Says that all is skipped, where the clients are not installed.
export function skipAll(why) {
  console.log(`1..1\nok 1 - all of it # SKIP ${why}`);
}
