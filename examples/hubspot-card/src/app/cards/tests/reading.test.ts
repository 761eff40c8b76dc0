import { describe, expect, it } from 'vitest';
import { PROPERTIES, read, type Properties, type Reading } from '../reading';

const RED: Properties = {
  cs_health_score: '38.5',
  cs_health_band: 'red',
  cs_health_reasons: '3 tickets in 30 days\nNobody logged in for 15 days',
  cs_health_change_30d: '-12',
  cs_health_coverage: '0.8',
  cs_health_history: '2026-09: 72\n2026-10: 50',
  cs_mrr: '4500',
  cs_mrr_currency: 'EUR',
  cs_churn_probability: '0.26',
  cs_churn_outlook: '1 in 4 leaves',
  cs_priority: '1170',
  cs_priority_basis: 'churn_probability',
  cs_next_action: 'Call Ana about the open tickets',
  cs_links: 'Stripe: https://stripe.example/cus_1',
  cs_updated_at: '2026-11-21T05:15:00Z',
};

function seen(changes: Properties): Exclude<Reading, { kind: 'unscored' }> {
  const reading = read({ ...RED, ...changes });
  if (reading.kind === 'unscored') throw new Error('nothing was read');
  return reading;
}

describe('reading the properties', () => {
  it('gives every property its meaning', () => {
    expect(read(RED)).toEqual({
      kind: 'scored',
      score: 38.5,
      band: 'red',
      change: -12,
      reasons: ['3 tickets in 30 days', 'Nobody logged in for 15 days'],
      coverage: 0.8,
      revenue: { amount: 4500, currencies: ['EUR'] },
      outlook: { probability: 0.26, text: '1 in 4 leaves' },
      priority: { amount: 1170, currencies: ['EUR'], basis: 'churn_probability' },
      nextAction: 'Call Ana about the open tickets',
      history: [
        { month: new Date('2026-09-01T00:00:00Z'), score: 72 },
        { month: new Date('2026-10-01T00:00:00Z'), score: 50 },
      ],
      links: [{ name: 'Stripe', url: 'https://stripe.example/cus_1' }],
      updatedAt: new Date('2026-11-21T05:15:00Z'),
    });
  });

  it('asks for exactly the properties that it uses', () => {
    expect([...PROPERTIES].sort()).toEqual(Object.keys(RED).sort());
  });

  it('finds nothing on a company that was never written to', () => {
    expect(read({})).toEqual({ kind: 'unscored' });
    const empty = Object.fromEntries(PROPERTIES.map((name) => [name, null]));
    expect(read(empty)).toEqual({ kind: 'unscored' });
    expect(read({ ...empty, cs_health_band: '  ' })).toEqual({ kind: 'unscored' });
  });

  it('does not take an old score for the present when too little is known now', () => {
    const reading = seen({ cs_health_band: 'insufficient' });
    expect(reading.kind).toBe('insufficient');
    expect(reading).not.toHaveProperty('score');
    expect(reading).not.toHaveProperty('change');
    expect(reading.coverage).toBe(0.8);
  });

  it('needs a number for a score', () => {
    expect(seen({ cs_health_score: null }).kind).toBe('insufficient');
    expect(seen({ cs_health_score: 'soon' }).kind).toBe('insufficient');
    expect(seen({ cs_health_score: '0' })).toMatchObject({ kind: 'scored', score: 0 });
  });

  it('leaves out what is not known', () => {
    const reading = seen({
      cs_health_change_30d: null,
      cs_health_coverage: '',
      cs_health_reasons: '\r\n \n',
      cs_mrr: null,
      cs_mrr_currency: null,
      cs_next_action: null,
      cs_updated_at: 'yesterday',
    });
    expect(reading).toMatchObject({ change: null, coverage: null, reasons: [], revenue: null });
    expect(reading).toMatchObject({ nextAction: null, updatedAt: null });
  });

  it('takes an old probability without its text for none, and no amount of several currencies', () => {
    expect(seen({ cs_churn_outlook: '' }).outlook).toBeNull();
    expect(seen({ cs_churn_probability: null }).outlook?.probability).toBeNull();
    expect(seen({ cs_priority_basis: null }).priority).toBeNull();
    expect(seen({ cs_mrr_currency: 'EUR, USD' }).priority).toBeNull();
  });

  it('takes only lines of the form that is written, and only web addresses', () => {
    const reading = seen({
      cs_health_history: '2026-13: 7\nsoon: 7\n2026-10: many\n2026-10: 7',
      cs_links: 'Stripe: javascript:alert(1)\nhttps://bare.example\nA: B: http://b.example/x y\nA: B: http://b.example/x',
    });
    expect(reading.history).toEqual([{ month: new Date('2026-10-01T00:00:00Z'), score: 7 }]);
    expect(reading.links).toEqual([{ name: 'A: B', url: 'http://b.example/x' }]);
  });

  it('reads times in milliseconds, too', () => {
    expect(seen({ cs_updated_at: '1795238100000' }).updatedAt?.toISOString()).toBe(
      '2026-11-21T05:15:00.000Z',
    );
  });

  it('shows no single amount where there are several currencies', () => {
    expect(seen({ cs_mrr_currency: 'EUR, USD' }).revenue).toEqual({
      amount: null,
      currencies: ['EUR', 'USD'],
    });
  });
});
