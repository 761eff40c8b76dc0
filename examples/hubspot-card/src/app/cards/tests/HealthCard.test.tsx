import { hubspot, StatusTag } from '@hubspot/ui-extensions';
import { createRenderer } from '@hubspot/ui-extensions/testing';
import { expect, it, vi } from 'vitest';

it('registers the card for the record that is open', async () => {
  const extend = vi.spyOn(hubspot, 'extend');
  await import('../HealthCard');
  expect(extend).toHaveBeenCalledOnce();
  const { find, mocks, render } = createRenderer('crm.record.tab');
  mocks.useCrmProperties.willCall(() => ({
    properties: { cs_health_score: '72', cs_health_band: 'green' },
    error: null,
    isLoading: false,
    isRefetching: false,
    refetch: async () => {},
  }));
  mocks.useAssociations.willCall(() => ({
    results: [],
    error: null,
    isLoading: true,
    isRefetching: false,
    refetch: async () => {},
    pagination: { hasNextPage: false, hasPreviousPage: false, currentPage: 1, pageSize: 100, nextPage: () => {}, previousPage: () => {}, reset: () => {} },
  }));
  const card = extend.mock.calls[0]?.[0];
  render(card?.({ context: mocks.context } as Parameters<NonNullable<typeof card>>[0]));
  expect(find(StatusTag).text).toBe('Green');
});
