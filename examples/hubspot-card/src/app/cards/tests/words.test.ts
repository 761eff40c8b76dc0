import { describe, expect, it } from 'vitest';
import { atRisk, bandOf, due, moment, money, monthOf, number, percent, trendOf } from '../words';

const US = { locale: 'en-us', timezone: 'America/New_York' };
const PLAIN_SPACES = /[\u00a0\u202f]/g;

function plain(text: string): string {
  return text.replace(PLAIN_SPACES, ' ');
}

describe('words', () => {
  it.each([
    ['red', 'Red', 'danger'],
    ['yellow', 'Yellow', 'warning'],
    ['green', 'Green', 'success'],
    ['excellent', 'Excellent', 'success'],
    ['platinum', 'platinum', 'default'],
    ['', 'No band', 'default'],
  ])('names the band %j', (band, label, tone) => {
    expect(bandOf(band, US)).toEqual({ label, tone });
  });

  it.each([
    [12, 'increase', 'green', '12 points in 30 days'],
    [-12.5, 'decrease', 'red', '12.5 points in 30 days'],
    [1, 'increase', 'green', '1 point in 30 days'],
  ])('shows a change of %d', (change, direction, color, value) => {
    expect(trendOf(change, US)).toEqual({ direction, color, value });
  });

  it('shows no arrow where nothing changed or nothing is known', () => {
    expect(trendOf(0, US)).toBeNull();
    expect(trendOf(null, US)).toBeNull();
  });

  it.each([
    [{ amount: 4500, currencies: ['EUR'] }, 'en-us', '€4,500.00'],
    [{ amount: 4500, currencies: ['EUR'] }, 'de', '4.500,00 €'],
    [{ amount: 4500, currencies: ['JPY'] }, 'en-us', '¥4,500'],
    [{ amount: 4500, currencies: [] }, 'en-us', '4,500'],
    [{ amount: 4500, currencies: ['points'] }, 'en-us', '4,500 points'],
    [{ amount: null, currencies: ['EUR', 'USD'] }, 'en-us', 'EUR, USD'],
  ])('says %j in %s', (revenue, locale, said) => {
    expect(plain(money(revenue, { locale }))).toBe(said);
  });

  it.each([
    ['churn_probability', 'Expected loss: €9.50 a month'],
    ['missing_health', 'At risk by health: €9.50 a month'],
    ['given_notice', 'Notice given, at risk: €9.50 a month'],
  ])('says what the money at risk rests on: %s', (basis, said) => {
    expect(atRisk({ amount: 9.5, currencies: ['EUR'], basis }, US)).toBe(said);
  });

  it('follows the reader, and falls back to English and UTC', () => {
    const time = new Date('2026-11-21T05:15:00Z');
    expect(plain(moment(time, US))).toBe('Nov 21, 2026, 12:15 AM');
    expect(plain(moment(time, { locale: 'en_GB', timezone: 'Europe/Berlin' }))).toBe(
      '21 Nov 2026, 06:15',
    );
    expect(plain(moment(time, { locale: 'no such', timezone: 'Moon/Base' }))).toBe(
      'Nov 21, 2026, 5:15 AM UTC',
    );
    expect(number(61.04, {})).toBe('61');
    expect(percent(0.8, US)).toBe('80%');
  });

  it.each([
    ['pl', 'en-us', 'lis 2026'],
    ['en', 'pl', 'Nov 2026'],
    ['th', 'th', 'พ.ย. 2026'],
    ['zh-Hant', 'zh-tw', '2026年11月'],
  ] as const)('writes months in the language of the texts: %s for %s', (language, locale, said) => {
    expect(monthOf(new Date('2026-11-01T00:00:00Z'), { locale, language, timezone: 'America/New_York' })).toBe(said);
  });

  it('says since when a task is late', () => {
    const [time, now] = [new Date('2026-11-21T09:00:00Z'), new Date('2026-11-21T09:00:01Z')];
    expect(due(time, { locale: 'en-us' }, time)).toBe('due Nov 21, 2026');
    expect(due(time, { locale: 'en-us' }, now)).toBe('overdue since Nov 21, 2026');
  });
});
