import { after, before } from 'node:test';
import { routerConformance } from '../../../src/testing/router-conformance.js';
import { HaproxyStage, Slots } from './support.js';

let slots: Slots;

before(async () => {
  slots = await Slots.start();
});

after(async () => {
  await slots.stop();
});

routerConformance('HAProxy', () => HaproxyStage.start(slots));
