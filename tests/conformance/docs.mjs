#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes the facts of table.json into docs/api.md, between the marks that name an operation:
//   <!-- facts: DescribeBruteForceRecords --> … <!-- end -->
// With --check it only says whether they are there.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const document = new URL('../../docs/api.md', import.meta.url);
const parts = { request: 'Request', response: 'Response', error: 'Errors', example: 'Examples', behaviour: 'Behaviour' };
const cell = (text) => String(text).replace(/\|/g, '\\|');

function factsOf(table, operation) {
  const rows = table.filter((row) => row.operation === operation);
  assert.ok(rows.length, `no facts of ${operation}`);
  let text = '';
  for (const [part, heading] of Object.entries(parts)) {
    const of = rows.filter((row) => row.part === part);
    if (!of.length) continue;
    text += `\n**${heading}**\n\n| | | source |\n|---|---|---|\n`;
    for (const row of of) text += `| \`${cell(row.name)}\` | ${cell(row.fact)} | ${cell(row.source)} |\n`;
  }
  return `${text}\n`;
}

function render() {
  const table = JSON.parse(readFileSync(new URL('table.json', import.meta.url)));
  const seen = new Set();
  const text = readFileSync(document, 'utf8').replace(/(<!-- facts: (\S+) -->\n)[^]*?(<!-- end -->)/g,
    (_, begin, operation, end) => {
      seen.add(operation);
      return begin + factsOf(table, operation) + end;
    });
  for (const row of table) assert.ok(seen.has(row.operation), `docs/api.md has no place for ${row.operation}`);
  return text;
}

export function checkDocument() {
  assert.equal(readFileSync(document, 'utf8'), render(), 'run tests/conformance/docs.mjs');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === '--check') checkDocument();
  else writeFileSync(document, render());
}
