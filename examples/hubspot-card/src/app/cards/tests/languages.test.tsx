import { createRenderer, type RenderedNode } from '@hubspot/ui-extensions/testing';
import { describe, expect, it } from 'vitest';
import { Health } from '../Health';
import { textsOf, type Language } from '../texts';

/** Data without a letter, so that every letter that is shown is the card's own. */
const SCORED = {
  cs_health_score: '38.5',
  cs_health_band: 'red',
  cs_health_reasons: '11',
  cs_health_change_30d: '-12',
  cs_health_coverage: '0.8',
  cs_health_history: '2026-09: 72\n2026-10: 50',
  cs_mrr: '4500',
  cs_mrr_currency: 'EUR',
  cs_churn_probability: '0.26',
  cs_churn_outlook: '22',
  cs_priority: '2767.5',
  cs_priority_basis: 'churn_probability',
  cs_next_action: '33',
  cs_links: '44: https://stripe.example/1',
  cs_updated_at: '2026-11-21T05:15:00Z',
};
const STATES = [
  { properties: SCORED },
  { properties: { ...SCORED, cs_health_change_30d: '0', cs_priority_basis: 'missing_health' } },
  { properties: { ...SCORED, cs_health_band: 'insufficient', cs_priority_basis: 'given_notice' } },
  { properties: { cs_health_score: '70' } },
  { properties: {} },
  { properties: {}, isLoading: true },
  { properties: {}, error: new Error('403') },
];
const TASK = { hs_task_subject: '55', hs_task_status: 'WAITING', cs_sync_key: '1' };
const TASK_LISTS = [
  {
    results: [{ ...TASK, hs_timestamp: '2020-11-23' }, { ...TASK, hs_timestamp: '2999-01-01' }],
    error: null,
  },
  { results: [], error: new Error('403') },
];
const LANGUAGES: Language[] = ['en', 'pl', 'ro', 'th', 'zh-Hans', 'zh-Hant'];
/** Words that are the same in every language. */
const SHARED = ['MRR', 'cs-sync'];
/** Props that people read. */
const READ = ['label', 'title', 'value', 'number', 'data'];

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...strings(inner)]);
}

function readNode(node: RenderedNode): string[] {
  if ('childNodes' in node) {
    const shown = 'props' in node ? READ.flatMap((name) => strings((node.props as Record<string, unknown>)[name])) : [];
    return [...shown, ...node.childNodes.flatMap(readNode)];
  }
  return 'text' in node ? [node.text] : [];
}

/** What people read on the card, in all its states. */
function readCard(language: Language): string[] {
  const idle = { error: null, isLoading: false, isRefetching: false, refetch: async () => {} };
  const turn = { nextPage: () => {}, previousPage: () => {}, reset: () => {} };
  const pages = { hasNextPage: true, hasPreviousPage: false, currentPage: 1, pageSize: 100, ...turn };
  return STATES.flatMap((state) =>
    TASK_LISTS.flatMap(({ results, error }) => {
      const { mocks, render, getRootNode } = createRenderer('crm.record.tab');
      const found = results.map((properties, id) => ({ toObjectId: id, associationTypes: [], properties }));
      mocks.useCrmProperties.willCall(() => ({ ...idle, ...state }));
      mocks.useAssociations.willCall(() => ({ ...idle, error, results: found, pagination: pages }));
      render(<Health reader={{ locale: 'en-us', timezone: 'UTC', language }} />);
      return readNode(getRootNode());
    }),
  );
}

function words(texts: string[]): Set<string> {
  const own = SHARED.reduce((text, word) => text.replaceAll(word, ' '), texts.join(' ').replaceAll('{x}', ' '));
  return new Set(own.match(/\p{L}{2,}/gu));
}

describe('the card', () => {
  it.each(LANGUAGES)('shows every text that it has in %s', (language) => {
    const seen = readCard(language).join('\n');
    const { notOpened, retry, ...shown } = textsOf(language);
    expect(seen).toContain(retry);
    const bands = ['yellow', 'green', 'excellent', 'point'];
    for (const [key, text] of Object.entries(shown)) {
      if (!bands.includes(key)) for (const part of text.split('{x}')) expect(seen, key).toContain(part);
    }
  });

  /** Polish has a word `to` of its own. */
  it.each(LANGUAGES.slice(1))('leaves no word of English in %s', (language) => {
    const english = words([...Object.values(textsOf('en')), ...readCard('en')]);
    const theirs = words([...Object.values(textsOf(language)), ...readCard(language)]);
    expect([...theirs].filter((word) => english.has(word) && word !== 'to')).toEqual([]);
  });

  it.each(['th', 'zh-Hans', 'zh-Hant'] as const)('has no Latin letters in %s', (language) => {
    expect([...words(readCard(language))].filter((word) => /[a-z]/i.test(word))).toEqual([]);
  });
});
