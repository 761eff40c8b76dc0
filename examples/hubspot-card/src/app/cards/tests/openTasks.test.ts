import { expect, it } from 'vitest';
import { openTasks } from '../openTasks';

it('takes open tasks of cs-sync, earliest first', () => {
  const task = (id: number, status: string, due: string | null, key: string | null = `k${id}`) => ({
    toObjectId: id,
    properties: { hs_task_subject: `T${id}`, hs_task_status: status, hs_timestamp: due, cs_sync_key: key },
  });
  const found = [
    task(1, 'NOT_STARTED', null),
    task(2, 'IN_PROGRESS', '2026-12-02T09:00:00Z'),
    task(3, 'WAITING', '1795338000000'),
    task(4, 'COMPLETED', '2026-11-01T09:00:00Z'),
    task(5, 'DEFERRED', '2026-11-01T09:00:00Z'),
    task(6, 'NOT_STARTED', '2026-11-01T09:00:00Z', null),
  ];
  expect(openTasks(found).map(({ id }) => id)).toEqual([3, 2, 1]);
  expect(openTasks(found)[0]).toEqual({ id: 3, title: 'T3', dueAt: new Date('2026-11-22T09:00:00Z') });
});
