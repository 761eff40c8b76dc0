import { describe, expect, it } from 'vitest';
import { textsOf, type Language } from '../texts';

const ENGLISH = textsOf('en');

describe('the texts', () => {
  it.each(['pl', 'ro', 'th', 'zh-Hans', 'zh-Hant'] as Language[])('are complete in %s', (language) => {
    for (const [key, text] of Object.entries(textsOf(language))) {
      const english = ENGLISH[key as keyof typeof ENGLISH];
      expect(text, key).toBeTruthy();
      expect(text, key).not.toBe(english);
      expect(text.includes('{x}'), key).toBe(english.includes('{x}'));
    }
  });
});
