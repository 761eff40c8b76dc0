import {
  BarChart,
  Button,
  EmptyState,
  ErrorState,
  Heading,
  Link,
  List,
  LoadingSpinner,
  StatisticsItem,
  StatisticsTrend,
  StatusTag,
  Text,
} from '@hubspot/ui-extensions';
import { CrmActionLink } from '@hubspot/ui-extensions/crm';
import { createRenderer } from '@hubspot/ui-extensions/testing';
import { describe, expect, it } from 'vitest';
import { Health } from '../Health';
import { PROPERTIES, type Properties } from '../reading';

const READER = { locale: 'en-us', timezone: 'UTC' };
const RED: Properties = {
  cs_health_score: '38.5',
  cs_health_band: 'red',
  cs_health_reasons: '3 tickets in 30 days\nNobody logged in for 15 days',
  cs_health_change_30d: '-12',
  cs_health_coverage: '0.8',
  cs_mrr: '4500',
  cs_mrr_currency: 'EUR',
  cs_churn_probability: '0.26',
  cs_churn_outlook: '',
  cs_priority: '2767.5',
  cs_priority_basis: 'missing_health',
  cs_next_action: 'Call Ana about the open tickets',
  cs_updated_at: '2026-11-21T05:15:00Z',
};
const STATE = {
  properties: {} as Properties,
  error: null as Error | null,
  isLoading: false,
  isRefetching: false,
  refetch: async () => {},
};

const TASKS = {
  results: [] as { toObjectId: number; associationTypes: []; properties: Properties }[],
  error: null as Error | null,
  isLoading: false,
  isRefetching: false,
  refetch: async () => {},
  pagination: {
    hasNextPage: false,
    hasPreviousPage: false,
    currentPage: 1,
    pageSize: 100,
    nextPage: () => {},
    previousPage: () => {},
    reset: () => {},
  },
};
const CALL = {
  toObjectId: 77,
  associationTypes: [] as [],
  properties: {
    hs_task_subject: 'Call Ana',
    hs_timestamp: '2020-11-23T09:00:00Z',
    hs_task_status: 'NOT_STARTED',
    cs_sync_key: 'k',
  },
};

function show(state: Partial<typeof STATE>, tasks: Partial<typeof TASKS> = {}) {
  const renderer = createRenderer('crm.record.tab');
  renderer.mocks.useAssociations.willCall(() => ({ ...TASKS, ...tasks }));
  renderer.mocks.useCrmProperties.willCall(() => ({ ...STATE, ...state }));
  renderer.render(<Health reader={READER} />);
  const said = renderer.findAll(Text).map((text) => text.text);
  const headings = renderer.findAll(Heading).map((heading) => heading.text);
  return { ...renderer, said, headings };
}

describe('the card', () => {
  it('shows score, band, trend, reasons and next action', () => {
    const { find, said, headings, mocks } = show({ properties: RED });
    expect(mocks.useCrmProperties.calls[0]?.[0]).toEqual(PROPERTIES);
    expect(find(StatusTag).text).toBe('Red');
    expect(find(StatusTag).props.variant).toBe('danger');
    expect(find(StatisticsItem).props.number).toBe('38.5');
    expect(find(StatisticsTrend).props).toMatchObject({
      direction: 'decrease',
      color: 'red',
      value: '12 points in 30 days',
    });
    expect(headings).toEqual(['Next action', 'Why']);
    expect(said).toEqual([
      'MRR: €4,500.00 · Data coverage 80%',
      'At risk by health: €2,767.50 a month',
      'Call Ana about the open tickets',
      '3 tickets in 30 days',
      'Nobody logged in for 15 days',
      expect.stringMatching(/^Last changed Nov 21, 2026, 5:15\sAM$/),
    ]);
    expect(find(List).findAll(Text)).toHaveLength(2);
  });

  it('shows the outlook only while a model is accepted', () => {
    const outlook = '1 in 4 leaves within 90 days; of accounts like this 26% did (n = 118)';
    const { headings, said } = show({
      properties: {
        ...RED,
        cs_churn_outlook: outlook,
        cs_priority: '1170',
        cs_priority_basis: 'churn_probability',
      },
    });
    expect(headings).toEqual(['Churn outlook', 'Next action', 'Why']);
    expect(said).toContain(outlook);
    expect(said).toContain('Churn probability 26% · Expected loss: €1,170.00 a month');
    expect(show({ properties: RED }).said.join()).not.toContain('Churn probability');
  });

  it('lists the open tasks, each with a link to where it is marked as done', () => {
    const { find, said, headings, mocks } = show({ properties: RED }, { results: [CALL] });
    expect(headings).toEqual(['Next action', 'Open tasks', 'Why']);
    expect(said).toContain('Call Ana · overdue since Nov 23, 2020');
    const link = find(CrmActionLink);
    expect(link.text).toBe('Open the task to mark it as done');
    const { objectId, objectTypeId } = mocks.context.crm;
    expect(link.props.actionType).toBe('ENGAGEMENT_APP_LINK');
    expect(link.props.actionContext).toEqual({ objectId, objectTypeId, engagementId: 77 });
    link.props.onError?.(['not permitted']);
    expect(mocks.actions.addAlert.calls[0]?.[0]).toMatchObject({ message: 'not permitted' });
  });

  it('reads the tasks again on request', () => {
    let times = 0;
    const refetch = async () => {
      times += 1;
    };
    show({ properties: RED }, { results: [CALL], refetch }).find(Button).trigger('onClick');
    const failed = show({ properties: RED }, { error: new Error('403'), refetch });
    failed.find(Button).trigger('onClick');
    expect(times).toBe(2);
    expect(failed.said).toContain('The tasks cannot be read; they are in the activities of this company.');
  });

  it('says that a company has more tasks than were read', () => {
    const pagination = { ...TASKS.pagination, hasNextPage: true };
    const { said } = show({ properties: RED }, { pagination });
    expect(said.join()).toContain('Only 100 tasks of this company were read');
  });

  it('shows the score at month ends and links to the sources', () => {
    const { find, headings } = show({
      properties: {
        ...RED,
        cs_health_history: '2026-09: 72\n2026-10: 50',
        cs_links: 'Stripe: https://stripe.example/cus_1',
      },
    });
    expect(headings).toEqual(['Next action', 'Why', 'Score at month end', 'Open in']);
    expect(find(BarChart).props.data).toEqual([
      { Month: 'Sep 2026', 'Health score': 72 },
      { Month: 'Oct 2026', 'Health score': 50 },
    ]);
    expect(find(Link).text).toBe('Stripe');
    expect(find(Link).props.href).toEqual({ url: 'https://stripe.example/cus_1', external: true });
  });

  it('says when a score did not move', () => {
    const { maybeFind, said } = show({ properties: { ...RED, cs_health_change_30d: '0' } });
    expect(maybeFind(StatisticsTrend)).toBeNull();
    expect(said).toContain('Unchanged in 30 days');
  });

  it('shows only the score where nothing else is known', () => {
    const { find, headings, maybeFind, said } = show({
      properties: { cs_health_score: '72', cs_health_band: 'green' },
    });
    expect(find(StatisticsItem).props.number).toBe('72');
    expect(maybeFind(StatisticsTrend)).toBeNull();
    expect(maybeFind(List)).toBeNull();
    expect(headings).toEqual([]);
    expect(said).toEqual(['Written by cs-sync']);
  });

  it('does not show an old score when too little is known', () => {
    const { find, maybeFind, said } = show({
      properties: { ...RED, cs_health_band: 'insufficient', cs_health_coverage: '0.3' },
    });
    expect(find(StatusTag).text).toBe('Not enough data');
    expect(maybeFind(StatisticsItem)).toBeNull();
    expect(maybeFind(StatisticsTrend)).toBeNull();
    expect(said).toContain('MRR: €4,500.00 · Data coverage 30%');
    expect(said).toContain('3 tickets in 30 days');
  });

  it('explains why there is no score yet', () => {
    const { find } = show({ properties: {} });
    expect(find(EmptyState).props.title).toBe('No health score yet');
    expect(find(EmptyState).find(Text).text).toContain('running subscription');
  });

  it('waits visibly', () => {
    const { find, maybeFind } = show({ isLoading: true });
    expect(find(LoadingSpinner).props.label).toBe('Reading the health score');
    expect(maybeFind(EmptyState)).toBeNull();
  });

  it('offers another try when the properties cannot be read', () => {
    let tries = 0;
    const refetch = async () => {
      tries += 1;
    };
    const { find } = show({ error: new Error('403'), refetch });
    expect(find(ErrorState).props.title).toBe('The health score cannot be read');
    find(Button).trigger('onClick');
    expect(tries).toBe(1);
  });

  it('shows what customers wrote as text', () => {
    const { find } = show({ properties: { ...RED, cs_health_reasons: '<b>"Bad" & slow</b>' } });
    expect(find(List).find(Text).text).toBe('<b>"Bad" & slow</b>');
  });
});
