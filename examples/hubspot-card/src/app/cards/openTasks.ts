/** The open tasks of cs-sync among those of the company; pure. */
import { timeOf, type Properties } from './reading';

/** HubSpot's id of the object type task. */
export const TASK_TYPE = '0-27';

/** Names of a task's properties that the card reads; cs-sync marks its own by the last. */
export const TASK_PROPERTIES = ['hs_task_subject', 'hs_timestamp', 'hs_task_status', 'cs_sync_key'];

const CLOSED = ['COMPLETED', 'DEFERRED'];

export interface Task {
  id: number;
  title: string;
  dueAt: Date | null;
}

/** Earliest first, those without a date last. */
export function openTasks(found: { toObjectId: number; properties: Properties }[]): Task[] {
  return found
    .filter(({ properties }) => properties.cs_sync_key && !CLOSED.includes(properties.hs_task_status ?? ''))
    .map(({ toObjectId, properties }) => ({
      id: toObjectId,
      title: properties.hs_task_subject ?? '',
      dueAt: timeOf(properties.hs_timestamp ?? null),
    }))
    .sort((a, b) => (a.dueAt?.getTime() ?? Infinity) - (b.dueAt?.getTime() ?? Infinity) || a.id - b.id);
}
