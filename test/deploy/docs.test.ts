/** What the documents show exists: links, files, commands, metrics, and the messages that the troubleshooting page explains. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../../src/spec/parse-config.js';
import { parseRollout } from '../../src/spec/parse-rollout.js';
import { assertCommand } from './command-words.js';
import { PROJECT, projectFile } from './compose-file.js';

const markdownIn = (folder: string): readonly string[] =>
  readdirSync(join(PROJECT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));

const DOCS = ['README.md', ...markdownIn('docs'), ...markdownIn('docs/adr')];
const env = { GITHUB_SHA: '9f3c1e' };

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(join(PROJECT, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  );
const source = filesBelow('src')
  .filter((file) => /\.c?ts$|\.cjs$/.test(file))
  .map(projectFile)
  .join('\n');

/** As GitHub makes them of headings. */
const anchorsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

interface Block {
  readonly file: string;
  readonly language: string;
  readonly text: string;
}

const blocks: readonly Block[] = DOCS.flatMap((file) =>
  [...projectFile(file).matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)].map(([, language = '', text = '']) => ({
    file,
    language,
    text,
  })),
);

test('every relative link leads somewhere, its heading included', () => {
  for (const file of DOCS) {
    const text = projectFile(file).replace(/```[\s\S]*?```/g, '');
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? join(PROJECT, file) : resolve(PROJECT, dirname(file), path);
      assert.ok(existsSync(target), `${file}: ${link}`);
      if (anchor !== undefined)
        assert.ok(
          anchorsOf(readFileSync(target, 'utf8')).includes(anchor),
          `${file}: ${relative(PROJECT, target)} has no #${anchor}`,
        );
    }
  }
});

test('every rollout.yaml and sluice.config.yaml that is shown parses', () => {
  const shown = (name: string): readonly Block[] =>
    blocks.filter(({ language, text }) => language === 'yaml' && text.startsWith(`# ${name}`));
  const example = parseConfig(projectFile('examples/sluice.config.yaml'), { file: 'sluice.config.yaml', env });
  assert.equal(example.kind, 'ok');
  for (const { file, text } of shown('sluice.config.yaml'))
    assert.equal(parseConfig(text, { file, env }).kind, 'ok', JSON.stringify(parseConfig(text, { file, env })));
  for (const { file, text } of shown('rollout.yaml')) {
    const parsed = parseRollout(text, { file, env, set: [], platform: example.config });
    assert.equal(parsed.kind, 'ok', JSON.stringify(parsed));
  }
  assert.ok(shown('sluice.config.yaml').length > 0 && shown('rollout.yaml').length > 0);
});

test('every sluice command that is shown exists, with its options', async () => {
  const lines = blocks
    .flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => /(?:^|\s)sluice ([a-z].*)$/.exec(line.replace(/\s+#.*$/, ''))?.[1])
    .filter((words) => words !== undefined);
  assert.ok(lines.length > 15, `found only ${lines.length} commands`);
  for (const line of lines)
    await assertCommand(
      line
        .replace(/'[^']*'|"[^"]*"/g, 'TEXT')
        .split(/\s+/)
        .filter(Boolean),
    );
});

test('every metric that operations.md names is one that the code makes', () => {
  const named = new Set([...projectFile('docs/operations.md').matchAll(/`(sluice_[a-z_]+)`/g)].map(([, name = '']) => name));
  assert.ok(named.size >= 10);
  for (const name of named) assert.ok(source.includes(`'${name}'`), name);
});

test('every message that troubleshooting.md explains is one that the code prints', () => {
  const headings = [...projectFile('docs/troubleshooting.md').matchAll(/^### `(.+)`$/gm)].map(([, heading = '']) => heading);
  assert.ok(headings.length > 30);
  for (const heading of headings)
    for (const fragment of heading.split('…').map((text) => text.trim()))
      assert.ok(fragment.length < 3 || source.includes(fragment), `"${fragment}" of "${heading}"`);
});
