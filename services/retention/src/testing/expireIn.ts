import { collections } from '@holdfast/contracts';
import { createOutbox } from '@holdfast/messaging';
import { createGuards, createPointRecords, createRetentionRecords } from '../adapters/storeRecords.ts';
import { type Expired, type ExpirePorts, expireMailbox } from '../domain/expireMailbox.ts';
import { mailbox, type World } from './world.ts';

type Adapt = (ports: ExpirePorts) => ExpirePorts;

/** One pass over the mailbox of a world. `adapt` puts itself between the pass and its ports. */
export async function expireIn(
  world: World,
  adapt: Adapt = (ports) => ports,
  onPlan: ExpirePorts['onPlan'] = () => undefined,
): Promise<Expired> {
  const points = await world.openPoints(world.record);
  const outbox = createOutbox({
    rows: world.store.collection(collections.events),
    publish: async () => undefined,
    source: 'test',
    now: () => world.clock.now(),
  });
  const ports: ExpirePorts = {
    records: createRetentionRecords(world.store),
    pointRecords: createPointRecords(world.store),
    guards: createGuards(world.store),
    ...{ points, onPlan, announce: outbox.add, now: () => world.clock.now() },
  };
  try {
    return await expireMailbox(adapt(ports), world.record, mailbox.id);
  } finally {
    await points.close();
  }
}

export interface Dying {
  adapt: Adapt;
  /** Where it died; undefined when the pass ended before. */
  place(): string | undefined;
}

/** Throws at the nth call of any port, before or after its effect. */
export function dyingAt(nth: number, when: 'before' | 'after'): Dying {
  let calls = 0;
  let place: string | undefined;
  const wrap = <T extends object>(target: T, name: string): T =>
    new Proxy(target, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key, object);
        if (typeof value !== 'function' || key === 'close') return value;
        return async (...args: unknown[]) => {
          calls += 1;
          const isLast = calls === nth;
          if (isLast) place = `${name}.${String(key)}`;
          if (isLast && when === 'before') throw new Error('killed');
          const result: unknown = await value.apply(object, args);
          if (isLast) throw new Error('killed');
          return result;
        };
      },
    });
  return {
    adapt: (ports) => ({
      ...ports,
      records: wrap(ports.records, 'records'),
      pointRecords: wrap(ports.pointRecords, 'pointRecords'),
      guards: wrap(ports.guards, 'guards'),
      points: wrap(ports.points, 'points'),
      announce: wrap({ announce: ports.announce }, 'outbox').announce,
    }),
    place: () => place,
  };
}
